/*
 * The console's files, which the assembler puts into the module as they are.
 */


#ifndef _NGX_ESS_CONSOLE_FILES_H_INCLUDED_
#define _NGX_ESS_CONSOLE_FILES_H_INCLUDED_


#include "ngx_ess.h"


typedef struct {
    ngx_str_t                name;          /* below the location's prefix */
    ngx_str_t                type;
    const u_char            *data;
    const u_char            *end;
} ngx_ess_console_file_t;


/* NULL: there is none of that name. */
const ngx_ess_console_file_t *ngx_ess_console_file(ngx_str_t *name);


#endif /* _NGX_ESS_CONSOLE_FILES_H_INCLUDED_ */
