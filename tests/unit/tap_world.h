/*  tap_world - records of the tap, made by hand.  */

#pragma once

#include "bus/tap_record.h"
#include "schemas/codec.h"

#include <stdio.h>
#include <string.h>

static inline tap_record_t
made_record(tap_point_t point, const char *from, const char *to, message_id_t id)
{
    tap_record_t record = {
        .n = 1,
        .point = point,
        .envelope = {.kind = ENVELOPE_CAST,
                     .type = schema_of(id)->name,
                     .from = from,
                     .to = to},
    };
    (void) snprintf(record.actor, sizeof record.actor, "%s", point == TAP_send ? from : to);
    return record;
}
