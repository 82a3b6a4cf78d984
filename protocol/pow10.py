# SPDX-License-Identifier: Apache-2.0
"""Prints pow10.inc: the powers of ten from -292 to 324, rounded up to 128 bits.

python3 pow10.py > pow10.inc
"""


def leading_128_bits(exponent):
    if exponent >= 0:
        power = 10**exponent
        shift = power.bit_length() - 128
        return -(-power >> shift) if shift > 0 else power << -shift
    power = 10**-exponent
    # 2**n / power has 128 bits for one of these two n
    for n in (power.bit_length() + 126, power.bit_length() + 127):
        quotient = -(-(1 << n) // power)
        if quotient.bit_length() == 128:
            return quotient


print("/* 10**-292 to 10**324; written by pow10.py. */")
for exponent in range(-292, 325):
    bits = leading_128_bits(exponent)
    print(f"{{0x{bits >> 64:016x}, 0x{bits & (2**64 - 1):016x}}},")
