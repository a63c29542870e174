/*  json - what JSON has no word for, and the word we use.  */

#pragma once

#include "schemas/base.h"

#define BLOB_NAME "$blob"

/*  {"$blob": "BASE64"}  */
void blob_to_json(bytes_t blob, buffer_t *out);
