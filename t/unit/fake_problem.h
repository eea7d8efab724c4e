#ifndef _FAKE_PROBLEM_H_INCLUDED_
#define _FAKE_PROBLEM_H_INCLUDED_


#include "ngx_ess_problem.h"


extern char  fake_problem[256];


#endif /* _FAKE_PROBLEM_H_INCLUDED_ */
