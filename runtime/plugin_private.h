/*  plugin_private - what the parts of plugin.h share.

    plugin_check.c judges a descriptor, plugin_file.c loads a file, plugin_probe.c does that in
   a child. plugin.c makes an actor class of a manifest; plugin_thread.c runs it here, and
    plugin_process.c in a child, where plugin_serve.c is. plugin_acts.c is what it may do.  */

#pragma once

#include "runtime/include/waybill/plugin.h"
#include "runtime/plugin.h"
#include "runtime/plugin_tickets.h"

struct plugin {
    const char *program, *file, *name;
    bool isolated;
    uint32_t limit_ms;           /* of a callback */
    _Atomic uint64_t pid;        /* of its process; 0: none */
    waybill_plugin_t descriptor; /* of a thread */
    plugin_manifest_t manifest;
    const plugin_value_t *values; /* one for each setting of the manifest */
    size_t n_values;
    plugin_tickets_t tickets; /* of the instance */
    actor_class_t class;
    raw_actor_t raw;
    arena_t arena; /* all of the above */
};

/*  plugin_check.c  */
/*  Compares what must be equal and looks at every text and table. whole: the descriptor, with
    what its version does not know zeroed.  */
CHECKED err_t descriptor_check(const waybill_plugin_t *given, const char *file,
                               waybill_plugin_t *whole, fault_t *fault);
void descriptor_manifest(const waybill_plugin_t *self, arena_t *arena,
                         plugin_manifest_t *manifest);

/*  plugin_file.c  */
/*  Not something that others could have changed.  */
CHECKED err_t plugin_file_check(const char *file, fault_t *fault);
/*  Into this process, for ever.  */
CHECKED err_t plugin_file_load(const char *file, waybill_plugin_t *descriptor, fault_t *fault);

/*  plugin.c  */
/*  Does it fit the kind of that setting?  */
CHECKED err_t plugin_value_check(const plugin_setting_t *setting, const char *value,
                                 fault_t *fault);
const char *plugin_value(const plugin_t *self, const char *name);

/*  plugin_call.c  */
/*  Whoever holds out for a ticket of it is told that it is void.  */
void plugin_break_promises(void *plugin, ctx_t *ctx, err_t why);

/*  plugin_thread.c  */
extern const actor_class_t plugin_thread_class; /* but for name, tables and subject */
err_t plugin_thread_on_letter(void *state, ctx_t *ctx, bytes_t payload);

/*  plugin_process.c  */
extern const actor_class_t plugin_process_class; /* the same */
err_t plugin_process_on_letter(void *state, ctx_t *ctx, bytes_t payload);
