/*  plugin - what the verbs behind `waybill plugin` share.  */

#pragma once

#include "tools/verb.h"

#include "schemas/message.h"

extern const verb_t plugin_inspect_verb; /* inspect.c */
extern const verb_t plugin_list_verb;    /* live.c */
extern const verb_t plugin_add_verb;     /* live.c */
extern const verb_t plugin_remove_verb;  /* live.c */

/*  How plug-ins are looked at: this program does it.  */
#define THIS_PROGRAM "/proc/self/exe"
