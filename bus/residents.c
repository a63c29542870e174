/*  The actors of this process, which come and go while the gateway runs.  */

#include "bus/members.h"

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
    void (*read)(gateway_t *self, const struct gateway_news *news);
    directory_t actor; /* one that comes */
    char name[NAME_ROOM + 1];
};

typedef void read_fn(gateway_t *self, const struct gateway_news *news);

static void
take_note(gateway_t *self, const char *name, const gateway_actor_t *actor, read_fn *read)
{
    struct gateway_news *news = mem_new(sizeof *news);
    snprintf(news->name, sizeof news->name, "%s", name);
    news->read = read;
    if (actor != NULL)
        directory_add(&news->actor, name, actor->offers, actor->hears);
    pthread_mutex_lock(&self->lock);
    *self->last_news = news;
    self->last_news = &news->next;
    pthread_mutex_unlock(&self->lock);
    gateway_wake(self);
}

/*  It tells us what peers want to hear, and we it what it wants to hear of peers.  */
static void
introduce(gateway_t *self, const struct gateway_news *news)
{
    const directory_actor_t *actor = &news->actor.actors[0];
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

static void
turn_away(gateway_t *self, const struct gateway_news *news)
{
    const directory_actor_t *actor = directory_find(&self->directory, news->name);
    for (char **pattern = actor ? actor->hears : NULL; pattern && *pattern; pattern++)
        port_unsubscribe(self->port, *pattern, news->name);
    directory_remove(&self->directory, news->name);
    snprintf(self->leaving, sizeof self->leaving, "%s", news->name);
}

static void
refuse(peer_t *peer, const envelope_t *envelope)
{
    fault_t fault;
    fault_set(&fault, ERR_NO_ROUTE, "field to: %s went before it took this", envelope->to);
    members_answer_error(peer, envelope, &fault);
}

/*  What it did not finish, nobody will.  */
static void
see_off(gateway_t *self, const struct gateway_news *news)
{
    self->leaving[0] = '\0';
    directory_remove(&self->directory, news->name);
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        peer_give_up(peer, news->name, refuse);
    port_forget(self->port, news->name);
    postbox_forget(self->postbox, news->name);
}

void
gateway_add(gateway_t *self, const gateway_actor_t *actor)
{
    take_note(self, actor->name, actor, introduce);
}

void
gateway_close(gateway_t *self, const char *name)
{
    take_note(self, name, NULL, turn_away);
}

void
gateway_remove(gateway_t *self, const char *name)
{
    take_note(self, name, NULL, see_off);
}

void
gateway_report_left(gateway_t *self)
{
    bool waits = self->leaving[0] == '\0' || port_owes(self->port, self->leaving);
    for (const peer_t *peer = self->peers; peer != NULL && !waits; peer = peer->next)
        waits = peer_waits_for(peer, self->leaving);
    if (waits)
        return;
    self->leaving[0] = '\0';
    postbox_know(self->postbox, "supervisor");
    blob_t *nothing = blob_new((bytes_t){0});
    order(self, "supervisor", "obeyed", nothing);
    blob_unref(&nothing);
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
        news->read(self, news);
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
