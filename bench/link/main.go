// Command link forwards a port of this machine to another one, as a line of a certain speed would: so many MB a second in each direction, with
// a delay for each way. SIGUSR1 cuts the connections that are open, as a network does.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	to := flag.String("to", "", "address to forward to")
	speed := flag.Float64("speed", 50, "MB a second in each direction, of all connections together; 0: no limit")
	delay := flag.Duration("delay", 0, "for each way")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "link:", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	var open sync.Map
	cut := make(chan os.Signal, 1)
	signal.Notify(cut, syscall.SIGUSR1)
	go func() {
		for range cut {
			open.Range(func(conn, _ any) bool { conn.(net.Conn).Close(); return true })
		}
	}()
	up, down := &bucket{speed: *speed * 1e6}, &bucket{speed: *speed * 1e6}
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := net.Dial("tcp", *to)
			if err != nil {
				near.Close()
				return
			}
			open.Store(near, nil)
			open.Store(far, nil)
			carry := func(to, from net.Conn, b *bucket) {
				b.copy(to, from, *delay)
				to.Close()
				open.Delete(to)
			}
			go carry(far, near, up)
			go carry(near, far, down)
		}()
	}
}

// slack is how late a sleeper may wake without the line becoming slower for it.
const slack = 20 * time.Millisecond

// bucket lets so many bytes a second pass.
type bucket struct {
	speed float64
	mu    sync.Mutex
	free  time.Time // when the line is free again
}

func (b *bucket) take(n int) {
	if b.speed == 0 {
		return
	}
	b.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-slack); b.free.Before(earliest) {
		b.free = earliest
	}
	b.free = b.free.Add(time.Duration(float64(n) / b.speed * 1e9))
	wait := b.free.Sub(now)
	b.mu.Unlock()
	time.Sleep(wait)
}

type piece struct {
	data []byte
	due  time.Time
}

// copy passes bytes on; what is on its way is bounded by the line, as in a router.
func (b *bucket) copy(to io.Writer, from io.Reader, delay time.Duration) {
	way := make(chan piece, 64)
	go func() {
		defer close(way)
		for {
			p := piece{data: make([]byte, 64<<10)}
			n, err := from.Read(p.data)
			if n > 0 {
				b.take(n)
				p.data, p.due = p.data[:n], time.Now().Add(delay)
				way <- p
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			for range way { // the reader ends with its connection
			}
			return
		}
	}
}
