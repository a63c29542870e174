#include "bus/subscriptions.h"

#include <stdlib.h>
#include <string.h>

bool
pattern_matches(const char *pattern, const char *type)
{
    for (;;) {
        if (pattern[0] == '>' && pattern[1] == '\0')
            return *type != '\0';
        size_t length = strcspn(pattern, ".");
        size_t word = strcspn(type, ".");
        bool prefix = length > 0 && pattern[length - 1] == '*';
        size_t same = prefix ? length - 1 : length;
        if (word < same || (!prefix && word != same) || word == 0
            || strncmp(pattern, type, same) != 0)
            return false;
        pattern += length;
        type += word;
        if (*pattern != *type)
            return false;
        if (*pattern == '\0')
            return true;
        pattern++, type++;
    }
}

static subscription_t **
find(subscription_t **list, const char *pattern, const char *subscriber)
{
    while (*list
           && (strcmp((*list)->pattern, pattern) != 0
               || strcmp((*list)->subscriber, subscriber) != 0))
        list = &(*list)->next;
    return list;
}

void
subscriptions_add(subscription_t **list, const char *pattern, const char *subscriber)
{
    subscription_t **at = find(list, pattern, subscriber);
    if (*at || strlen(pattern) > NAME_ROOM || strlen(subscriber) > NAME_ROOM)
        return;
    *at = mem_new(sizeof **at);
    memcpy((*at)->pattern, pattern, strlen(pattern));
    memcpy((*at)->subscriber, subscriber, strlen(subscriber));
}

void
subscriptions_remove(subscription_t **list, const char *pattern, const char *subscriber)
{
    subscription_t **at = find(list, pattern, subscriber);
    subscription_t *found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    free(found);
}

void
subscriptions_drop(subscription_t **list, const char *subscriber)
{
    while (*list) {
        subscription_t *each = *list;
        if (strcmp(each->subscriber, subscriber) == 0) {
            *list = each->next;
            free(each);
        } else {
            list = &each->next;
        }
    }
}

void
subscriptions_clear(subscription_t **list)
{
    while (*list) {
        subscription_t *first = *list;
        *list = first->next;
        free(first);
    }
}

static bool
has_earlier_match(const subscription_t *list, const subscription_t *subscription,
                  const char *type)
{
    for (; list != subscription; list = list->next)
        if (strcmp(list->subscriber, subscription->subscriber) == 0
            && pattern_matches(list->pattern, type))
            return true;
    return false;
}

const subscription_t *
subscriptions_next(const subscription_t *list, const subscription_t *after, const char *type)
{
    for (const subscription_t *each = after ? after->next : list; each; each = each->next)
        if (pattern_matches(each->pattern, type) && !has_earlier_match(list, each, type))
            return each;
    return NULL;
}
