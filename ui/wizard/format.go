package wizard

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// stopwatch writes an elapsed time as 00:21:07, with days in front where there are any.
func stopwatch(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}

// minutes writes a short time as 0:09 or 1:02:10.
func minutes(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// span writes a time in words that can be read aloud: 4 s, 3 min, 2 h 5 min, 9 days.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int64(d/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int64(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int64(d/time.Hour), int64(d/time.Minute)%60)
	}
	return fmt.Sprintf("%d days", int64(d/(24*time.Hour)))
}

// amount writes how much of a whole is done, in the unit that fits the whole.
func amount(p wire.Progress) string {
	if p.Unit == "bytes" {
		unit, name := byteUnit(max(p.Total, p.Done))
		if p.Total <= 0 {
			return fmt.Sprintf("%s %s", tenth(p.Done, unit), name)
		}
		return fmt.Sprintf("%s/%s %s", tenth(p.Done, unit), tenth(p.Total, unit), name)
	}
	unit := p.Unit
	if p.Total <= 0 {
		return strings.TrimSpace(fmt.Sprintf("%d %s", p.Done, unit))
	}
	return strings.TrimSpace(fmt.Sprintf("%d/%d %s", p.Done, p.Total, unit))
}

func byteUnit(n int64) (int64, string) {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return u.size, u.name
		}
	}
	return 1, "B"
}

// tenth writes n in units, with one decimal below ten. It never rounds up: what is not done is not shown as done.
func tenth(n, unit int64) string {
	if unit > 1 && n < 10*unit && n%unit != 0 {
		return fmt.Sprintf("%d.%d", n/unit, n%unit*10/unit)
	}
	return fmt.Sprint(n / unit)
}

// rate writes a speed, empty where none can be told yet.
func rate(perSecond float64, unit string) string {
	if perSecond <= 0 {
		return ""
	}
	if unit == "bytes" {
		size, name := byteUnit(int64(perSecond))
		return fmt.Sprintf("%s %s/s", tenth(int64(perSecond), size), name)
	}
	if perSecond >= 1 {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	return fmt.Sprintf("%.0f/min", perSecond*60)
}

// count writes a number with its noun: "1 action", "3 actions".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
