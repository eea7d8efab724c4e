
/*
 * page.html, app.js and style.css beside this file, as bytes.  The build
 * recipe says where they are (NGX_ESS_CONSOLE_DIR) and that this depends on
 * them.
 */


#include "ngx_ess_console_files.h"
#include "ngx_ess_str.h"


#define ngx_ess_console_bytes(name, file)                                     \
    __asm__(".pushsection .rodata\n"                                          \
            ".global ngx_ess_console_" #name "\n"                             \
            ".hidden ngx_ess_console_" #name "\n"                             \
            "ngx_ess_console_" #name ":\n"                                    \
            ".incbin \"" NGX_ESS_CONSOLE_DIR "/" file "\"\n"                  \
            ".global ngx_ess_console_" #name "_end\n"                         \
            ".hidden ngx_ess_console_" #name "_end\n"                         \
            "ngx_ess_console_" #name "_end:\n"                                \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern const u_char  ngx_ess_console_##name[]                             \
        __attribute__((visibility("hidden")));                                \
    extern const u_char  ngx_ess_console_##name##_end[]                       \
        __attribute__((visibility("hidden")))


ngx_ess_console_bytes(page, "page.html");
ngx_ess_console_bytes(script, "app.js");
ngx_ess_console_bytes(style, "style.css");


static const ngx_ess_console_file_t  ngx_ess_console_files[] = {

    { ngx_string(""),
      ngx_string("text/html; charset=utf-8"),
      ngx_ess_console_page, ngx_ess_console_page_end },

    { ngx_string("app.js"),
      ngx_string("text/javascript; charset=utf-8"),
      ngx_ess_console_script, ngx_ess_console_script_end },

    { ngx_string("style.css"),
      ngx_string("text/css; charset=utf-8"),
      ngx_ess_console_style, ngx_ess_console_style_end }
};


const ngx_ess_console_file_t *
ngx_ess_console_file(ngx_str_t *name)
{
    ngx_uint_t                     i, n;
    const ngx_ess_console_file_t  *file;

    n = sizeof(ngx_ess_console_files) / sizeof(ngx_ess_console_file_t);

    for (i = 0; i < n; i++) {
        file = &ngx_ess_console_files[i];

        if (ngx_ess_str_equal(&file->name, name)) {
            return file;
        }
    }

    return NULL;
}
