/*  taping - how a cell writes a tape (tape.h) of what its actor takes in and does.

    The request recording_start makes the cell start its actor anew, with a tape. While it runs,
    the host's functions and the network driver are behind others that write down what goes
    through; without a tape all that is one pointer that is NULL.  */

#pragma once

#include "bus/letter.h"
#include "runtime/cell.h"
#include "runtime/tape.h"

typedef struct taping taping_t;

/*  Does every cell take that message, whatever its actor does?  */
bool taping_takes(const char *type);
/*  For each such letter.  */
CHECKED err_t taping_order(cell_t *self, const letter_t *letter);
/*  After each turn: begins and ends what was ordered.  */
void taping_obey(cell_t *self);
/*  The actor stops: what is recorded ends here, whole.  */
void taping_stop(cell_t *self);

/*  An input of the actor begins; taping_done() when it is through with it.  */
void taping_input(taping_t *self, const tape_event_t *event);
void taping_letter(taping_t *self, const letter_t *letter);
void taping_ready(taping_t *self, int fd, int ready);
void taping_tapped(taping_t *self, const tap_record_t *record);
void taping_upgrade(taping_t *self, const net_upgrade_t *upgrade);
void taping_done(taping_t *self);
/*  What it answers to an upgrade.  */
void taping_answer(taping_t *self, conn_t conn, const net_answer_t *answer);

/*  For a replay: the texts of an answer, as an event.  */
tape_event_t taping_answer_event(conn_t conn, const net_answer_t *answer);
