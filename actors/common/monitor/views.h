/*  views - what can be looked at, whom that is asked of, and how it is written.  */

#pragma once

#include "actors/common/monitor/monitor.h"

typedef struct question {
    const char *to; /* NULL: this role has no such thing */
    message_id_t id;
    const void *body; /* NULL: zeros */
} question_t;

struct view {
    const char *path; /* over HTTP; NULL: not there */
    question_t questions[ROLE_COUNT];
    /*  Fills in a question that the query says something of; NULL: it says nothing. False if
        that makes no sense.  */
    bool (*read)(const char *query, arena_t *arena, const void **body);
    /*  Adds the answer: the members of a JSON object, or a text. Gives its HTTP status.  */
    int (*write)(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out);
    bool is_text;
    bool is_open;       /* to those without the token, too */
    bool with_identity; /* the process is asked who it is, once, before */
    const char *event;  /* its type among the events of watchers */
};

extern const view_t view_state, view_stats, view_act;

/*  NULL: there is nothing there for this role.  */
const view_t *view_find(role_t role, const char *path);
/*  Keeps what never changes of the process.  */
void view_note_identity(monitor_t *self, const tree_t *tree);
