/*  plugin_acts - what a plug-in may do: the host table of waybill/plugin.h, over a context.

    Nothing that a plug-in hands over is believed: pointers may be NULL, payloads nonsense,
   tickets forged, calls made when nothing is being called. All that is refused, and logged.  */

#pragma once

#include "runtime/plugin_private.h"

#include <pthread.h>

/*  An instance as the host table sees it.  */
struct waybill_ctx {
    ctx_t *ctx; /* NULL: no callback runs */
    plugin_t *plugin;
    pthread_t thread;
    bool can_answer; /* a request is being handled, and not yet answered */
    err_t refusal;   /* what refuse() and fail() left */
    fault_t why;
};

extern const waybill_host_t plugin_host;

/*  For a new instance, in its start().  */
void plugin_acts_open(waybill_ctx_t *self, ctx_t *ctx);
/*  Around each callback; what says which, for a person. Gives what an actor returns.  */
void plugin_acts_begin(waybill_ctx_t *self, ctx_t *ctx);
CHECKED err_t plugin_acts_end(waybill_ctx_t *self, int result, const char *what);
/*  One line of a text of the plug-in's.  */
void plugin_line(char *line, size_t room, const char *text);
/*  The message being handled, as the plug-in sees it.  */
typedef struct plugin_view {
    waybill_incoming_t incoming;
    char id[UUID_TEXT], trace[UUID_TEXT];
} plugin_view_t;
void plugin_view_letter(plugin_view_t *self, ctx_t *ctx, bytes_t payload);
/*  A request that came to nothing, as an answer. packed holds its payload.  */
void plugin_view_failure(plugin_view_t *self, const failure_t *failure, buffer_t *packed);
