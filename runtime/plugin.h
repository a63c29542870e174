/*  plugin - a shared object that is an actor, by the contract of waybill/plugin.h.

    Nothing of a file is believed before it was looked at in a child process with a time limit:
   one that crashes, hangs or calls exit() there is a message here. Without that look nothing is
    loaded. What is loaded into this process stays in it.  */

#pragma once

#include "runtime/raw.h"

enum { PLUGIN_PROBE_MS = 5000, PLUGIN_CALL_MS = 30000 };

/*  Isolation.  */
#define PLUGIN_THREAD "thread"
#define PLUGIN_PROCESS "process"

typedef struct plugin_value {
    const char *name, *value;
} plugin_value_t;

/*  What a person wants of a plug-in.  */
typedef struct plugin_order {
    const char *name;      /* of the actor */
    const char *file;      /* absolute */
    const char *isolation; /* NULL: PLUGIN_THREAD */
    uint32_t limit_ms;     /* of a callback, for PLUGIN_PROCESS; 0: PLUGIN_CALL_MS */
    const plugin_value_t *settings;
    size_t n_settings;
} plugin_order_t;

/*  Looks at the file in a child process: PROGRAM plugin probe FILE. The manifest lives in
    arena.  */
typedef struct plugin_look {
    const char *program, *file;
    uint32_t limit_ms; /* 0: PLUGIN_PROBE_MS */
} plugin_look_t;
CHECKED err_t plugin_inspect(const plugin_look_t *look, arena_t *arena,
                             plugin_manifest_t *manifest, fault_t *fault);
/*  What that child does: loads the file, and writes what it found to descriptor
    PLUGIN_CHILD_FD. Ends the process.  */
enum { PLUGIN_CHILD_FD = 3 };
_Noreturn void plugin_probe(const char *file);

/*  What the process of a plug-in does: loads the file, and is the instance that its parent
    calls over PLUGIN_CHILD_FD. Ends the process.  */
_Noreturn void plugin_serve(const char *file);

typedef struct plugin plugin_t;

/*  Inspects the file, checks the settings against its manifest, and loads it if it shall be a
    thread. order is copied. program: as above; it also runs plug-ins that are processes.  */
CHECKED err_t plugin_new(const char *program, const plugin_order_t *order, plugin_t **self,
                         fault_t *fault);
/*  Only after the last cell of its class.  */
void plugin_destroy(plugin_t **self);
const actor_class_t *plugin_class(const plugin_t *self);
const plugin_manifest_t *plugin_manifest(const plugin_t *self);
