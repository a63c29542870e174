/*  subscriptions - who wants to hear which events of one publisher.  */

#pragma once

#include "bus/envelope.h"

typedef struct subscription {
    struct subscription *next;
    char pattern[NAME_ROOM + 1];
    char subscriber[NAME_ROOM + 1];
} subscription_t;

/*  Adding twice, and removing what is not there, change nothing.  */
void subscriptions_add(subscription_t **list, const char *pattern, const char *subscriber);
void subscriptions_remove(subscription_t **list, const char *pattern, const char *subscriber);
/*  All of that subscriber.  */
void subscriptions_drop(subscription_t **list, const char *subscriber);
void subscriptions_clear(subscription_t **list);

/*  The first subscription (after NULL), or the next, that matches type. A subscriber with
    several patterns that match comes once.  */
const subscription_t *subscriptions_next(const subscription_t *list,
                                         const subscription_t *after, const char *type);

/*  Words are separated by dots and underscores are part of a word: `*` matches one word, `>`
    the rest, anything else itself. A pattern ending in `*` also matches by prefix:
    "srv_*".  */
bool pattern_matches(const char *pattern, const char *type);
