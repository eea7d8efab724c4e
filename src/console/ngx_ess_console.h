/*
 * ess_console: one page for an operator, and below it all that it needs.
 */


#ifndef _NGX_ESS_CONSOLE_H_INCLUDED_
#define _NGX_ESS_CONSOLE_H_INCLUDED_


#include "ngx_ess.h"


/* The directive. */
char *ngx_ess_console_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_CONSOLE_H_INCLUDED_ */
