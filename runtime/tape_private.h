/*  tape_private - what the writer and the reader of a tape share.  */

#pragma once

#include "runtime/tape.h"

#define TAPE_MAGIC "waybill\x1a"
enum { TAPE_MAGIC_SIZE = 8, TAPE_HEAD_VALUES = 6 };

/*  FNV-1a, to be begun with this.  */
#define TAPE_SUM_BEGIN 0xcbf29ce484222325u
uint64_t tape_sum(uint64_t sum, bytes_t bytes);
