//go:build linux

package rehearsal

import (
	"os"
	"syscall"
)

// peakOf is the most memory that a process had, in bytes.
func peakOf(p *os.ProcessState) int64 {
	usage, is := p.SysUsage().(*syscall.Rusage)
	if !is {
		return 0
	}
	return usage.Maxrss * 1024
}
