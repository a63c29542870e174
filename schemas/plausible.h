/*  plausible - a look at msgpack bytes before anybody believes them.

    msgpack-c reserves room for as many elements as a header claims, so five bytes can ask
    for gigabytes. Every element takes at least one byte: a claim larger than what is left
    to read is a lie. Nesting is counted too: nothing honest here is deeper than 32.  */

#pragma once

#include "schemas/base.h"

enum { PLAUSIBLE_DEPTH = 32 };

/*  True if the first value in bytes is complete; then *used is where it ends.  */
bool plausible(bytes_t bytes, size_t *used);
