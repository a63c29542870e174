#include "actors/server/client_changes/watched.h"

#include <assert.h>
#include <string.h>

/*  What was put off is neither judged nor on disk.  */
static const struct {
    const char *verdict;
    metric_id_t counter;
    bool decided;
} meanings[] = {
    {"applied", METRIC_client_changes_applied, true},
    {"merged", METRIC_client_changes_merged, true},
    {"duplicate", METRIC_client_changes_duplicate, true},
    {"rejected", METRIC_client_changes_rejected, true},
    {"retry", METRIC_client_changes_put_off, false},
};

static size_t
meaning_of(const verdict_t *verdict)
{
    size_t i = 0;
    while (i < COUNT_OF(meanings) && strcmp(meanings[i].verdict, verdict->verdict) != 0)
        i++;
    assert(i < COUNT_OF(meanings));
    return i;
}

void
watched_judged(ctx_t *ctx, const verdict_t *verdicts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (verdicts[i].verdict && meanings[meaning_of(&verdicts[i])].decided)
            ctx_step(ctx, STEP_judged, verdicts[i].id, 0);
}

void
watched_committed(ctx_t *ctx, const verdict_t *verdicts, size_t n, uint64_t taken_us)
{
    for (size_t i = 0; i < n; i++) {
        const size_t meaning = meaning_of(&verdicts[i]);
        ctx_count(ctx, meanings[meaning].counter, 1);
        if (meanings[meaning].decided)
            ctx_step(ctx, STEP_committed, verdicts[i].id, verdicts[i].lsn);
    }
    ctx_observe(ctx, METRIC_judge_time, ctx_now_us(ctx) - taken_us);
}
