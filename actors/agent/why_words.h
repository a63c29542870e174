/*  why_words - how the reasons of why.c are put: durations, positions, errors.  */

#pragma once

#include "schemas/message.h"

/*  NULL is the empty text.  */
bool word_is(const char *text, const char *expected);
bool word_has(const char *text);

void words_duration(buffer_t *out, int64_t ms);
/*  " at 0/1A"; nothing for none.  */
void words_position(buffer_t *out, uint64_t lsn);
/*  "CODE: message" as CODE "message".  */
void words_error(buffer_t *out, const char *error);
void words_next_attempt(buffer_t *out, const change_row_t *change, int64_t now);
/*  An error begins with its name, and a colon. ERR_COUNT: there is none that we know.  */
err_t words_code(const change_row_t *change);
/*  The text, with the id in place of its %s if it has one; NULL: NULL.  */
const char *words_name(const char *text, const char *id, arena_t *arena);
