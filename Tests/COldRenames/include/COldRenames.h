#pragma once

// From now on this thread, and what it starts, sees file systems as ZFS before 2.2 and NFS are: renames neither exchange nor
// leave alone what has the new name. 0, or -1 with errno.
int cold_renames_begin(void);
