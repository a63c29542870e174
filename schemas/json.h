/*  json - what JSON has no word for, and the word we use.  */

#pragma once

#include "schemas/base.h"

#define BLOB_NAME "$blob"
#define HEX_NAME "$hex"   /* a blob as SQL can write it; read, never written */
#define REAL_NAME "$real" /* "Inf" or "-Inf" */
#define TEXT_NAME "$text" /* a text, where it could be taken for something else; read only */

/*  {"$blob": "BASE64"}  */
void blob_to_json(bytes_t blob, buffer_t *out);
