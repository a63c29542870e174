/*  tap - what the verbs behind `waybill tap` share. One file a verb.  */

#pragma once

#include "bus/tap_client.h"
#include "tools/join.h"
#include "tools/tap/figures.h"
#include "tools/tap/filter.h"

extern const verb_t tap_follow;      /* follow.c */
extern const verb_t tap_trace;       /* trace.c */
extern const verb_t tap_why;         /* why.c */
extern const verb_t tap_top;         /* top.c */
extern const verb_t tap_stats;       /* stats.c */
extern const verb_t tap_tree;        /* tree.c */
extern const verb_t tap_describe;    /* describe.c */
extern const verb_t tap_send;        /* send.c */
extern const verb_t tap_call;        /* send.c */
extern const verb_t tap_doctor;      /* doctor.c */
extern const verb_t tap_postmortem;  /* postmortem.c */
extern const verb_t tap_deadletters; /* deadletters.c */
extern const verb_t tap_record;      /* record.c */
extern const verb_t tap_replay;      /* replay.c */
extern const verb_t tap_seq;         /* seq.c */
extern const verb_t tap_pcap;        /* pcap.c */

/*  Watches the process that runs in run_dir (NULL: the default one). NULL after a
    complaint if there is none.  */
tap_client_t *tap_join(const char *run_dir, tap_want_t want);

/*  Says so if the filter names an actor that the process does not have: it may still come.  */
void tap_note_stranger(const char *run_dir, const filter_t *filter);

/*  The payload's struct, in the arena; NULL if it has none that we know.  */
const void *tap_body(const tap_record_t *record, arena_t *arena, message_id_t *id);

/*  The value of --for; NULL leaves *ms. False after a complaint, with STATUS_USAGE.  */
bool tap_read_duration(const verb_t *verb, const char *text, uint64_t *ms);

/*  An order by its name (NULL: as it is); false if there is none of that name.  */
bool tap_read_order(const char *name, figures_order_t *order); /* stats.c */
