/*  text - UTF-8 that was checked, and its form in JSON and logs.  */

#pragma once

#include "schemas/base.h"

/*  True if it is UTF-8 (no surrogates, nothing overlong) and has no NUL.  */
bool text_is_clean(bytes_t text);

/*  The same, but a NUL may be in it.  */
bool text_is_utf8(bytes_t text);
/*  Adds the text; a byte that is not UTF-8 becomes U+FFFD.  */
void text_repair(bytes_t text, buffer_t *out);

/*  Adds the JSON string, quotes and all. It cannot forge a line or steer a terminal: what
    controls one is escaped. A byte that is not UTF-8 becomes U+FFFD.  */
void text_to_json(bytes_t text, buffer_t *out);

/*  -1 if it is none.  */
int hex_digit(char digit);

/*  RFC 4648, padded.  */
void base64_write(bytes_t bytes, buffer_t *out);
/*  False, and out is as before, if text is not that, to the last bit.  */
bool base64_read(bytes_t text, buffer_t *out);
