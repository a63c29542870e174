/*  settings_doc - prints the reference page of the settings.  */

#include "actors/settings.h"

int
main(void)
{
    config_document(&settings_table, stdout);
    return 0;
}
