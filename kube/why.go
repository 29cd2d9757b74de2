package kube

import (
	"fmt"
	"strings"
	"time"
)

// Explanation says in a sentence each what is the matter with a pod, what that rests on, and what to do or to expect. Waiting is set
// where nothing is wrong yet and patience is the answer. The zero value means that nothing is the matter.
type Explanation struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Waiting bool   `json:"waiting,omitempty"`
}

// Why explains a pod from its status and its events (newest first, as Events answers them); now is the caller's clock. Where several
// things are the matter it names the one that has to be dealt with first.
func Why(p Pod, events []Event, now time.Time) Explanation {
	switch {
	case p.Deleting != nil:
		return terminating(p, events, now)
	case p.Phase == "Failed":
		return failedPod(p)
	case p.Phase == "Succeeded":
		return Explanation{Summary: "pod " + p.Name + " has finished"}
	}
	for _, c := range p.Containers {
		if e, ok := containerTrouble(p, c); ok {
			return e
		}
	}
	if p.Phase == "Pending" {
		return pending(p, events)
	}
	if p.Ready {
		return Explanation{}
	}
	return notReady(p, events)
}

// containerTrouble explains a container that cannot run.
func containerTrouble(p Pod, c ContainerStatus) (Explanation, bool) {
	who := fmt.Sprintf("container %s of pod %s", c.Name, p.Name)
	if c.Init {
		who = "init " + who
	}
	end := c.Last
	if c.Exit != nil {
		end = c.Exit
	}
	switch c.Reason {
	case "CrashLoopBackOff":
		e := Explanation{
			Summary: fmt.Sprintf("%s crashes again and again (%s)", who, times(c.Restarts, "restart")),
			Detail:  ending(end),
			Hint:    "read its log of before the last restart; the wait before each new start grows to 5 minutes",
		}
		if end != nil && end.Reason == "OOMKilled" {
			e.Summary = fmt.Sprintf("%s is killed again and again for using more memory than its limit (%s)", who, times(c.Restarts, "restart"))
			e.Hint = "raise its memory limit"
		}
		return e, true
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ErrImagePullBackOff":
		return Explanation{
			Summary: fmt.Sprintf("the image of %s cannot be fetched", who),
			Detail:  join(c.Image, c.Message),
			Hint:    "check the image name and version, the pull secret and the node's way to the registry",
		}, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return Explanation{
			Summary: fmt.Sprintf("%s cannot be created", who), Detail: join(c.Reason, c.Message),
			Hint: "most often a secret, a config map or a key in one is missing: the message names it",
		}, true
	}
	if end != nil && end.Reason == "OOMKilled" && !c.Ready {
		return Explanation{Summary: who + " was killed for using more memory than its limit", Detail: ending(end), Hint: "raise its memory limit"}, true
	}
	if c.Exit != nil && c.Exit.Code != 0 {
		return Explanation{Summary: who + " ended with an error", Detail: ending(c.Exit), Hint: "read its log"}, true
	}
	return Explanation{}, false
}

// pending explains a pod that no container of has been able to start.
func pending(p Pod, events []Event) Explanation {
	if c, ok := condition(p, "PodScheduled"); ok && c.Status == "False" {
		return unscheduled(p, c)
	}
	if p.Node == "" {
		return Explanation{Summary: "pod " + p.Name + " waits for the scheduler", Waiting: true,
			Hint: "if it stays so, look at the health of the scheduler"}
	}
	for _, e := range events {
		switch e.Reason {
		case "Failed": // the kubelet tells events before it writes the pod's status
			if strings.HasPrefix(e.Message, "Failed to pull image") || strings.Contains(e.Message, "ErrImagePull") {
				return Explanation{Summary: fmt.Sprintf("an image of pod %s cannot be fetched", p.Name), Detail: e.Message,
					Hint: "check the image name and version, the pull secret and the node's way to the registry"}
			}
		case "FailedMount", "FailedAttachVolume":
			hint := "check the volume, its claim and the storage driver"
			if strings.Contains(e.Message, "Multi-Attach") {
				hint = "another pod still holds the volume: it has to be gone, or its node to let go, first"
			}
			return Explanation{Summary: fmt.Sprintf("a volume of pod %s cannot be mounted on node %s", p.Name, p.Node), Detail: e.Message, Hint: hint}
		case "FailedCreatePodSandBox":
			return Explanation{Summary: fmt.Sprintf("node %s cannot make room for pod %s", p.Node, p.Name), Detail: e.Message,
				Hint: "check the node's network plugin and runtime"}
		}
	}
	for _, c := range p.Containers {
		if c.Init && c.State == "running" {
			return Explanation{Summary: fmt.Sprintf("pod %s waits for its init container %s", p.Name, c.Name), Waiting: true,
				Hint: "if it stays so, read the log of that container"}
		}
	}
	return Explanation{Summary: fmt.Sprintf("pod %s is starting on node %s", p.Name, p.Node), Detail: newest(events), Waiting: true,
		Hint: "volumes are attached and images fetched now"}
}

func unscheduled(p Pod, c Condition) Explanation {
	m := strings.ToLower(c.Message)
	claims := "its claim"
	if len(p.Claims) > 0 {
		claims = "its claim " + strings.Join(p.Claims, " or ")
	}
	e := Explanation{Detail: c.Message}
	switch {
	case strings.Contains(m, "persistentvolumeclaim") && strings.Contains(m, "not found"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because %s does not exist", p.Name, claims)
		e.Hint = "create the claim; the pod is placed by itself then"
	case strings.Contains(m, "persistentvolumeclaim") && strings.Contains(m, "being deleted"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because %s is being deleted", p.Name, claims)
		e.Hint = "a claim goes only when no pod uses it: scale its users down, then create it anew"
	case strings.Contains(m, "unbound immediate persistentvolumeclaim"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed until %s is bound to a volume", p.Name, claims)
		e.Hint = "look at the claim's events: its storage class, its snapshot or the volume it names may be wrong"
	case strings.Contains(m, "volume node affinity"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because its volume is bound to another zone or node", p.Name)
		e.Hint = "a node in the volume's zone has to be free, or the volume restored in another zone"
	case strings.Contains(m, "didn't find available persistent volumes"), strings.Contains(m, "didn't match persistentvolume"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because no volume fits %s", p.Name, claims)
		e.Hint = "look at class, size and access mode of the claim and of the volume it should have"
	case strings.Contains(m, "insufficient"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because no node has enough room", p.Name)
		e.Hint = "add a node or free some; a cluster that scales itself does so in some minutes"
	case strings.Contains(m, "taint"), strings.Contains(m, "node affinity"), strings.Contains(m, "node selector"):
		e.Summary = fmt.Sprintf("pod %s cannot be placed because no node is meant for it", p.Name)
		e.Hint = "compare its tolerations, affinity and node selector with the nodes"
	default:
		e.Summary = fmt.Sprintf("pod %s cannot be placed on any node", p.Name)
		e.Hint = "the scheduler's reason names what is missing"
	}
	return e
}

// WhyClaim explains a claim that is not bound. class is its storage class, if known; events are the claim's, newest first.
func WhyClaim(c Claim, class *StorageClass, events []Event) Explanation {
	switch {
	case c.Deleting != nil:
		return Explanation{Summary: "claim " + c.Name + " is being deleted", Detail: "finalizers: " + strings.Join(c.Finalizers, ", "),
			Hint: "it goes when no pod uses it any more"}
	case c.Phase == "Bound":
		return Explanation{}
	case c.Phase == "Lost":
		return Explanation{Summary: fmt.Sprintf("claim %s has lost its volume %s", c.Name, c.Volume),
			Hint: "the volume no longer exists: the claim has to be made anew from a snapshot"}
	}
	for _, e := range events {
		if e.Type == "Warning" {
			return Explanation{Summary: "claim " + c.Name + " cannot be bound", Detail: join(e.Reason, e.Message),
				Hint: "check its storage class, the snapshot it is filled from and the storage driver"}
		}
	}
	if class != nil && class.BindingMode == "WaitForFirstConsumer" && c.Volume == "" {
		return Explanation{Summary: fmt.Sprintf("claim %s waits for the first pod that uses it, as its class %s wants", c.Name, class.Name),
			Hint: "this is normal: start the pod", Waiting: true}
	}
	return Explanation{Summary: "claim " + c.Name + " is not bound yet", Detail: newest(events), Waiting: true,
		Hint: "making a volume from a snapshot can take minutes"}
}
