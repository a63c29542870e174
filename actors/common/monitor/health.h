/*  health - what a supervisor or a load balancer asks: one word, and why.  */

#pragma once

#include "schemas/message.h"

/*  False if an actor was given up, or has been busy with one message for stuck_ms; out says
    which.  */
bool health_write(const stats_t *stats, uint64_t stuck_ms, buffer_t *out);
/*  False if a server cannot serve clients yet; out says so, and what trouble its database has.
 */
bool health_write_database(const clients_list_t *server, buffer_t *out);
/*  Whether an agent that is ready is connected as well.  */
void health_write_connection(const status_t *status, buffer_t *out);
