/* SPDX-License-Identifier: Apache-2.0 */
/* helper - what petiole-extract and the process that starts it agree on.
 *
 *     petiole-extract FORMAT MEMORY_BYTES CPU_SECONDS PARENT_PID
 *
 * stdin is the document, a regular file open for reading; stdout takes its text: of a
 * PDF UTF-8 with a form feed behind each page, of a text file clean UTF-8. stderr
 * takes at most a few lines saying why there is none. The exit status is pdftotext's
 * for a PDF (0 to 3, 99), or one of these. */
#ifndef EXTRACT_HELPER_H
#define EXTRACT_HELPER_H

#define HELPER_PROGRAM "petiole-extract"
#define HELPER_FORMAT_TEXT "text"
#define HELPER_FORMAT_PDF "pdf"

enum helper_exit {
    HELPER_DONE = 0,
    HELPER_WRONG_USE = 64,
    HELPER_NO_SANDBOX = 70,   /* a mandatory protection could not be set up */
    HELPER_NO_CONVERTER = 71, /* pdftotext is not installed */
    HELPER_UNREADABLE = 72,   /* read or write failed */
    HELPER_NOT_TEXT = 73,     /* binary, or damaged text */
};

#endif
