/*  writer - somebody who makes rows, with ids that follow from its number.  */

#pragma once

#include "change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Kinds of ids.  */
enum { USER = 1, PROJECT, TASK, COMMENT };
enum { TEAM = 0 }; /* the writer of what is there at first */
enum { HOUR = 3600, ID_TEXT = 37, TIME_TEXT = 32 };

typedef struct team_size {
    int64_t seed, users, projects, tasks;
} team_size_t;

/*  A writer, and what it has made and not deleted yet.  */
typedef struct writer {
    team_size_t size;
    change_style_t style;
    int64_t number, clock;
    uint64_t chance;
    int64_t tasks, comments;
    bool *no_task, *no_comment; /* deleted; a comment also with its task */
    int64_t *task_of;           /* of each comment; -1: a task of the team */
} writer_t;

void writer_begin(writer_t *self, size_t room);
void writer_end(writer_t *self);

int64_t writer_below(writer_t *self, int64_t limit);
bool writer_happens(writer_t *self, int percent);
#define ONE_OF(self, words)                                                                    \
    (words)[writer_below(self, (int64_t) (sizeof(words) / sizeof *(words)))]

/*  A UUID of version 4 in form, and no chance in it.  */
const char *writer_id(const writer_t *self, int kind, int64_t writer, int64_t number,
                      char text[ID_TEXT]);
const char *writer_time(int64_t seconds, char text[TIME_TEXT]);

void writer_row(writer_t *self, const char *operation, const char *table, int kind,
                int64_t writer, int64_t number);
void writer_add_id(writer_t *self, const char *name, int kind, int64_t writer, int64_t number);
/*  created_at and updated_at, some minutes after the row before.  */
void writer_add_times(writer_t *self);
/*  Up to three different words, next to each other in the list.  */
void writer_add_list(writer_t *self, const char *name, const char *const *words, int64_t n);
