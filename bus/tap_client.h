/*  tap_client - watches the messages of a running process.  */

#pragma once

#include "bus/tap_ear.h"

typedef struct tap_client tap_client_t;

/*  ERR_OFFLINE: no process has a tap there.  */
CHECKED err_t tap_client_open(const char *run_dir, tap_want_t want, tap_client_t **self,
                              fault_t *fault);
void tap_client_destroy(tap_client_t **self);

/*  ERR_TIMEOUT: none came in timeout_ms (-1: waits for ever). ERR_OFFLINE: the process has
    gone. What is malformed is passed over. *record is valid until the next call. Who does not
    call for TAP_LEASE_MS hears nothing more until the next call.  */
CHECKED err_t tap_client_next(tap_client_t *self, int timeout_ms, const tap_record_t **record);

/*  Records that were offered since it listens, and did not come.  */
uint64_t tap_client_lost(const tap_client_t *self);
