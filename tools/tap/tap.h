/*  tap - what the verbs behind `waybill tap` share. One file a verb.  */

#pragma once

#include "bus/tap_client.h"
#include "tools/join.h"

extern const verb_t tap_follow; /* follow.c */

/*  Watches the process that runs in run_dir (NULL: the default one). NULL after a
    complaint if there is none.  */
tap_client_t *tap_join(const char *run_dir, tap_want_t want);

/*  The payload's struct, in the arena; NULL if it has none that we know.  */
const void *tap_body(const tap_record_t *record, arena_t *arena, message_id_t *id);
