/*  pcapng - a file of packets, as Wireshark reads it: one interface an actor, one packet a
    record of the tap, as bus/tap_record.h packs it, of link type USER0.  */

#pragma once

#include "bus/tap_record.h"

typedef struct pcapng pcapng_t;

/*  A new file, mode 0600. wall_offset_ns: what to add to a record's time.  */
CHECKED err_t pcapng_new(const char *path, int64_t wall_offset_ns, pcapng_t **self,
                         fault_t *fault);
/*  missed: records of that actor lost just before this one.  */
void pcapng_add(pcapng_t *self, const tap_record_t *record, uint64_t missed);
/*  Closes it; whatever could not be written is told here. The object is gone in any case.  */
CHECKED err_t pcapng_end(pcapng_t **self, fault_t *fault);
