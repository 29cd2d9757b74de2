// Command svrescue walks the operator of a Splice Super Validator through disaster recovery.
package main

import (
	"os"
	"time"

	"canton.example/svrescue/ui/command"
	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"
)

func main() {
	os.Exit(command.Main(os.Args[1:], command.System{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Clock: clock.RealClock{}, Boot: boot, Files: os.DirFS("/"),
	}))
}

// boot is the time since the machine started. Unlike the clock of package time it goes on while a laptop is suspended. A kernel
// that does not know it (none since Linux 2.6.39) answers 0, and time seems to stand still: what is held then counts as held too long.
func boot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
