/*  verbs - all that the program can do, one object each.  */

#pragma once

#include "tools/verb.h"

extern const verb_t verb_server;  /* verb_server.c */
extern const verb_t verb_agent;   /* verb_agent.c */
extern const verb_t verb_init;    /* verb_init.c */
extern const verb_t verb_upsert;  /* verb_write.c */
extern const verb_t verb_delete;  /* verb_write.c */
extern const verb_t verb_record;  /* verb_write.c */
extern const verb_t verb_apply;   /* verb_apply.c */
extern const verb_t verb_status;  /* verb_status.c */
extern const verb_t verb_changes; /* verb_changes.c */
extern const verb_t verb_retry;   /* verb_act.c */
extern const verb_t verb_skip;    /* verb_act.c */
extern const verb_t verb_discard; /* verb_act.c */
extern const verb_t verb_watch;   /* verb_watch.c */
extern const verb_t verb_logs;    /* verb_logs.c */
extern const verb_t verb_tap;     /* tap/tap.c */
extern const verb_t verb_plugin;  /* plugin/plugin.c */
extern const verb_t verb_history; /* verb_history.c */
extern const verb_t verb_compare; /* verb_compare.c */
extern const verb_t verb_bench;   /* verb_bench.c */
