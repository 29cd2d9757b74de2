package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube"
)

// echo opens a tunnel to the pod's echo. The program may need a moment before it listens.
func (e *Env) echo() net.Conn {
	e.Helper()
	var conn net.Conn
	e.eventually("an echo", func() (err error) {
		if conn, err = e.hands().Tunnel(e.ctx, e.ns, "p", EchoPort); err != nil {
			return err
		}
		if err = ping(conn, "hello"); err != nil {
			conn.Close()
		}
		return err
	})
	return conn
}

func ping(conn net.Conn, word string) error {
	if _, err := io.WriteString(conn, word); err != nil {
		return err
	}
	b := make([]byte, len(word))
	if _, err := io.ReadFull(conn, b); err != nil {
		return err
	}
	if string(b) != word {
		return errors.New("the echo of " + word + " is " + string(b))
	}
	return nil
}

var tunnels = []Case{
	{"a tunnel carries both ways, and ends when it is closed", func(e *Env) {
		e.pod("p")
		conn := e.echo()
		e.ok(ping(conn, "once more"))
		e.ok(conn.Close())
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			e.Error("a closed tunnel is read")
		}
		if _, err := conn.Write([]byte("x")); err == nil {
			e.Error("a closed tunnel is written")
		}
		if err := conn.Close(); err != nil {
			e.Errorf("closing twice: %v", err)
		}
	}},
	{"a port that nobody listens on", func(e *Env) {
		e.pod("p")
		conn, err := e.hands().Tunnel(e.ctx, e.ns, "p", 1)
		e.ok(err)
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
		e.kind(err, kube.Unreachable)
		if !strings.Contains(err.Error(), "connection refused") {
			e.Errorf("got %v", err)
		}
		e.eventually("a write says so too", func() error {
			if _, err := conn.Write([]byte("x")); kube.KindOf(err) != kube.Unreachable {
				return errors.New("it does not")
			}
			return nil
		})
	}},
	{"a tunnel has deadlines", func(e *Env) {
		e.pod("p")
		conn := e.echo()
		defer conn.Close()
		e.ok(conn.SetReadDeadline(e.clock.Now().Add(200 * time.Millisecond)))
		e.within(5*time.Second, "the read", func() {
			_, err := conn.Read(make([]byte, 1))
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				e.Errorf("got %v", err)
			}
		})
		e.ok(conn.SetDeadline(time.Time{}))
		e.ok(ping(conn, "and goes on"))
	}},
	{"two tunnels at once", func(e *Env) {
		e.pod("p")
		one, two := e.echo(), e.echo()
		defer two.Close()
		e.ok(ping(one, "one"))
		e.ok(ping(two, "two"))
		e.ok(one.Close())
		e.ok(ping(two, "two again"))
	}},
	{"much data through a tunnel", func(e *Env) {
		e.pod("p")
		conn := e.echo()
		defer conn.Close()
		var sending sync.WaitGroup
		sending.Go(func() {
			if _, err := io.Copy(conn, &pattern{size: e.size()}); err != nil {
				e.Error(err)
			}
		})
		h := sha256.New()
		_, err := io.CopyN(h, conn, e.size())
		e.ok(err)
		sending.Wait()
		if got, want := hex.EncodeToString(h.Sum(nil)), Checksum(&pattern{size: e.size()}); got != want {
			e.Errorf("got %s, want %s", got, want)
		}
	}},
	{"the tunnel to a pod that goes ends", func(e *Env) {
		e.pod("p")
		conn := e.echo()
		defer conn.Close()
		e.removePod("p")
		e.ok(conn.SetReadDeadline(e.clock.Now().Add(patience)))
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF && kube.KindOf(err) != kube.Unreachable {
			e.Errorf("got %v", err)
		}
	}},
	{"what has no ports says why", func(e *Env) {
		e.pod("p")
		e.makePod("waiting", "docker.io/library/no-such-image:rig")
		_, err := e.hands().Tunnel(e.ctx, e.ns, "nobody", EchoPort)
		e.kind(err, kube.NotFound)
		_, err = e.cluster.Hands(kube.AccessTunnel(e.ns, "p"), true).Tunnel(e.ctx, e.ns, "p", EchoPort)
		e.kind(err, kube.Refused)
		e.eventually("a pod without container", func() error {
			conn, err := e.hands().Tunnel(e.ctx, e.ns, "waiting", EchoPort)
			if err == nil {
				_, err = conn.Read(make([]byte, 1))
				conn.Close()
			}
			if k := kube.KindOf(err); k != kube.NotFound && k != kube.Unreachable {
				return err
			}
			return nil
		})
	}},
}
