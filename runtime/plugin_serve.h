/*  plugin_serve - an instance in the process of a plug-in. plugin_serve.c is called by the
   parent, plugin_remote.c asks the parent, who is waiting for just that.  */

#pragma once

#include "runtime/plugin_frames.h"
#include "runtime/plugin_private.h"

#include <poll.h>

/*  Settings live as long as the instance.  */
typedef struct known_value {
    struct known_value *next;
    char *name, *value;
} known_value_t;

struct waybill_ctx {
    pipe_end_t pipe;
    waybill_plugin_t plugin;
    void *state;
    arena_t arena; /* of the callback */
    bool called;   /* a callback runs */
    char code[64], why[1000];
    known_value_t *values;
    struct pollfd watched[WAYBILL_MOST_FDS];
    bool told[WAYBILL_MOST_FDS]; /* the parent was woken, and has not called yet */
    size_t n_watched;
};

/*  Without a parent there is nobody to be an instance for.  */
_Noreturn void plugin_serve_end(void);

/*  plugin_remote.c  */
extern const waybill_host_t plugin_remote_host;
