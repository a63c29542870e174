/*  json_flat - rows as SQL writes them, read in one pass and without a tree.  */

#pragma once

#include "schemas/base.h"

/*  Adds an object of texts without escapes, integers and nulls to out. False, and out is as
    before, for whatever else it may be: then it has to be read, or refused, the long way.  */
bool json_flat_to_msgpack(bytes_t json, buffer_t *out);
