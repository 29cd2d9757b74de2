// Command svrescue walks the operator of a Splice Super Validator through disaster recovery.
package main

import (
	"os"

	"canton.example/svrescue/ui/command"
	"k8s.io/utils/clock"
)

func main() {
	os.Exit(command.Main(os.Args[1:], command.System{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Clock: clock.RealClock{},
	}))
}
