#include "tools/tap/gather.h"

#include "tools/measure.h"
#include "tools/tap/duration.h"
#include "tools/tap/tap.h"

enum { LOOK_MS = 200, NS_PER_MS = 1000000 };

static int
gather_on(const gather_t *self, tap_client_t *client)
{
    uint64_t start = now_ns();
    bool more = true;
    while (more && !duration_interrupted() && (now_ns() - start) / NS_PER_MS < self->ms) {
        const tap_record_t *record = NULL;
        err_t err = tap_client_next(client, LOOK_MS, &record);
        if (err == ERR_OFFLINE)
            return complain("the process is gone"), STATUS_NO;
        more = err != OK || self->take(self->taker, record);
    }
    return STATUS_DONE;
}

int
gather_run(const gather_t *self)
{
    duration_catch_signals();
    tap_client_t *client = tap_join(self->run_dir, self->want);
    if (!client)
        return STATUS_NO;
    int status = gather_on(self, client);
    tap_client_destroy(&client);
    return status;
}
