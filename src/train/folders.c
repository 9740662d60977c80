/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "folders.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

mlsel_status mlsel_i_folders_create(const char *folder, mlsel_error *err) {
    char *path = mlsel_i_strndup(folder, strlen(folder));
    if (path == NULL)
        return mlsel_i_no_memory(err);
    int error = 0;
    for (char *at = path; *at != '\0' && error == 0;) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        const char kept = *at;
        *at = '\0';
        if (path[0] != '\0' && mkdir(path, 0777) != 0 && errno != EEXIST)
            error = errno;
        *at = kept;
    }
    /* a folder above may be there and not be writable, which is seen again below it */
    struct stat info;
    mlsel_i_free(path);
    if (folder[0] == '\0')
        return MLSEL_OK;
    const int seen = stat(folder, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
    return seen == 0 ? MLSEL_OK : mlsel_i_file_failed(folder, "made as a folder", error != 0 ? error : seen, err);
}
