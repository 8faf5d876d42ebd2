# pci.S - lists what is on bus 0 of the virt board's PCI: the slot, and its first four
# bytes; then switches it off.
	.equ	ecam, 0x30000000
	.equ	uart, 0x10000000
	.equ	test, 0x100000
	.globl	_start
_start:	li	s0, ecam
	li	s1, uart
	li	s2, 0			# slot
slot:	lw	s3, 0(s0)
	addiw	t0, s3, 1
	beqz	t0, next		# all ones: nothing there
	mv	a0, s2
	li	a1, 1			# hexadecimal digits
	call	hex
	mv	a0, s3
	li	a1, 8
	call	hex
next:	li	t0, 8 << 12
	add	s0, s0, t0
	addi	s2, s2, 1
	li	t0, 16
	bne	s2, t0, slot
	li	t0, test
	li	t1, 0x5555
	sw	t1, 0(t0)
1:	j	1b

hex:	slli	a1, a1, 2		# a0 in a1 digits, and a blank
1:	addi	a1, a1, -4
	srlw	t0, a0, a1
	andi	t0, t0, 15
	li	t1, 10
	blt	t0, t1, 2f
	addi	t0, t0, 'a' - '0' - 10
2:	addi	t0, t0, '0'
	sb	t0, 0(s1)
	bnez	a1, 1b
	li	t0, ' '
	sb	t0, 0(s1)
	ret
