/*  schema_doc - prints docs/messages.md.  */

#include "schemas/codec.h"

int
main(void)
{
    messages_document(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
