/*  The actors of this process, which come and go while the gateway runs.  */

#include "bus/gateway_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

void
gateway_wake(gateway_t *self)
{
    if (eventfd_write(self->wake, 1) != 0)
        report_line(&self->report, "error", "cannot wake the gateway: %m");
}

static void
order(gateway_t *self, const char *actor, const char *verb, blob_t *payload)
{
    envelope_t control = {
        .kind = ENVELOPE_CONTROL, .type = verb, .to = actor, .flags = FLAG_NO_TAP};
    /* An actor that is gone has nothing to tell us either; the port has counted it. */
    (void) port_send(self->port, &control, payload, NULL);
}

void
gateway_broadcast(gateway_t *self, const char *verb, const char *pattern)
{
    blob_t *payload = text_pack(pattern);
    for (size_t i = 0; i < self->directory.n; i++)
        order(self, self->directory.actors[i].name, verb, payload);
    blob_unref(&payload);
}

/*  An actor comes or goes.  */
struct gateway_news {
    struct gateway_news *next;
    directory_t actor; /* one that comes; empty: one that goes */
    char name[NAME_ROOM + 1];
};

static void
take_note(gateway_t *self, const char *name, const gateway_actor_t *actor)
{
    struct gateway_news *news = mem_new(sizeof *news);
    snprintf(news->name, sizeof news->name, "%s", name);
    if (actor != NULL)
        directory_add(&news->actor, name, actor->offers, actor->hears);
    pthread_mutex_lock(&self->lock);
    *self->last_news = news;
    self->last_news = &news->next;
    pthread_mutex_unlock(&self->lock);
    gateway_wake(self);
}

void
gateway_add(gateway_t *self, const gateway_actor_t *actor)
{
    take_note(self, actor->name, actor);
}

void
gateway_remove(gateway_t *self, const char *name)
{
    take_note(self, name, NULL);
}

/*  It tells us what peers want to hear, and we it what it wants to hear of peers.  */
static void
introduce(gateway_t *self, const directory_actor_t *actor)
{
    const char *const *offers = (const char *const *) actor->offers;
    const char *const *hears = (const char *const *) actor->hears;
    directory_add(&self->directory, actor->name, offers, hears);
    postbox_know(self->postbox, actor->name);
    for (const char *const *pattern = hears; *pattern != NULL; pattern++)
        port_subscribe(self->port, *pattern, actor->name);
    for (const peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        for (size_t i = 0; i < peer->n_patterns; i++) {
            blob_t *pattern = text_pack(peer->patterns[i]);
            order(self, actor->name, "subscribe", pattern);
            blob_unref(&pattern);
        }
}

/*  What it had been sent is its own affair; what it did not finish, nobody will.  */
static void
see_off(gateway_t *self, const char *name)
{
    const directory_actor_t *actor = directory_find(&self->directory, name);
    if (actor == NULL)
        return;
    for (char **pattern = actor->hears; *pattern != NULL; pattern++)
        port_unsubscribe(self->port, *pattern, name);
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        peer_on_done(peer, name, UINT64_MAX);
    directory_remove(&self->directory, name);
}

static struct gateway_news *
next_news(gateway_t *self)
{
    pthread_mutex_lock(&self->lock);
    struct gateway_news *news = self->news;
    if (news != NULL)
        self->news = news->next;
    if (self->news == NULL)
        self->last_news = &self->news;
    pthread_mutex_unlock(&self->lock);
    return news;
}

void
gateway_read_news(gateway_t *self)
{
    struct gateway_news *news;
    while ((news = next_news(self)) != NULL) {
        if (news->actor.n > 0)
            introduce(self, &news->actor.actors[0]);
        else
            see_off(self, news->name);
        directory_clear(&news->actor);
        free(news);
    }
}

void
gateway_forget_news(gateway_t *self)
{
    struct gateway_news *news;
    while ((news = next_news(self)) != NULL) {
        directory_clear(&news->actor);
        free(news);
    }
}
