#include "actors/server/client_changes/errors.h"

#include <string.h>

static const bool verdict_codes[ERR_COUNT] = {
    [ERR_ENTITY_NOT_FOUND] = true, [ERR_PERMISSION_DENIED] = true, [ERR_RULE_VIOLATION] = true,
    [ERR_INVALID_CHANGE] = true,   [ERR_TOO_LARGE] = true,         [ERR_STALE] = true,
};

bool
errors_is_verdict(err_t err)
{
    return verdict_codes[err];
}

void
errors_reject(verdict_t *verdict, err_t err, const char *text)
{
    *verdict = (verdict_t){
        .id = verdict->id,
        .verdict = "rejected",
        .code = err_name(err),
        .message = text,
    };
}

void
errors_reject_along(verdict_t *verdict)
{
    errors_reject(verdict, ERR_RULE_VIOLATION, "its transaction was rejected");
}

void
errors_put_off(verdict_t *verdict, const char *id, const char *text)
{
    *verdict = (verdict_t){
        .id = id,
        .verdict = "retry",
        .code = err_name(ERR_RETRY_LATER),
        .message = text,
    };
}

bool
errors_is_rejected(const verdict_t *verdict)
{
    return verdict->verdict && strcmp(verdict->verdict, "rejected") == 0;
}
