/* SPDX-License-Identifier: Apache-2.0 */
/* The module that brings libyaml. */
#include "../../protocol/yaml_value.h"
#include "module.h"

const struct serializer_module petiole_serializer_module = {
    .version = PTL_VERSION,
    .serializer = &serializer_yaml,
};
