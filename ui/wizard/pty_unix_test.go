package wizard

import (
	"os"
	"syscall"
)

// session gives the child a session of its own with the pseudo terminal as its controlling one.
func session() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }

func hangup(p *os.Process) { p.Signal(syscall.SIGHUP) }
