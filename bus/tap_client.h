/*  tap_client - watches the messages of a running process.  */

#pragma once

#include "bus/tap.h"

typedef struct tap_client tap_client_t;

/*  n counts the records of one actor, the lost ones too: a gap is a loss on the way here.
    dropped is how many of them the actor itself could not hand over so far.  */
typedef struct tap_record {
    uint64_t n;
    tap_point_t point;
    err_t err; /* for done and dead */
    uint64_t dropped;
    char actor[NAME_ROOM + 1];
    envelope_t envelope;
    envelope_names_t names;
    bytes_t payload; /* until the next call */
} tap_record_t;

/*  ERR_OFFLINE: no process has a tap there.  */
CHECKED err_t tap_client_open(const char *run_dir, tap_client_t **self, fault_t *fault);
void tap_client_destroy(tap_client_t **self);

/*  ERR_TIMEOUT: none came in timeout_ms (-1: waits for ever). ERR_OFFLINE: the process has
    gone. Malformed records are passed over.  */
CHECKED err_t tap_client_next(tap_client_t *self, int timeout_ms, tap_record_t *record);
