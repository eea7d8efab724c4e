/*
 * Files that a directive's parameter names.
 */


#ifndef _NGX_ESS_CONF_FILE_H_INCLUDED_
#define _NGX_ESS_CONF_FILE_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Reads the first "size" bytes of a file, a regular one; warns when everybody
 * may read it, and it is a secret.  "what" names it in messages:
 * "\"key\" of \"ess_jwt\"".  Returns the number of bytes, or NGX_ERROR, logged.
 */
ssize_t ngx_ess_conf_file_read(ngx_conf_t *cf, ngx_str_t *path,
    const char *what, ngx_uint_t secret, u_char *buf, size_t size);


#endif /* _NGX_ESS_CONF_FILE_H_INCLUDED_ */
