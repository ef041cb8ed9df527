"""What the report's reference page and its JSON Schema say of each object and each field, for readers who do not know the code.

Every field of the schema has its text here, and no text is of a field that is not there: tests/packaging/test_reference_report.py
tells. Text in backquotes is a value, a command or a name. docs/style.md applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Described:
    """An object of the schema: its heading, a sentence or two, and its fields."""

    title: str
    text: str
    fields: Mapping[str, str]


OBJECTS: Mapping[str, Described] = {
    "Report": Described(
        "The report",
        "",
        {
            "schema": "Name of this format.",
            "probe": "The run that made the report.",
            "platform": "Whether this host is an EC2 instance.",
            "instance": (
                "Identity of the instance. `null` if the metadata service did not serve it and the host has no other "
                "record of it."
            ),
            "host": "Name, operating system and kernel of the host.",
            "imds": "Settings of the metadata service, as it answered. `null` if it was not asked.",
            "containers": (
                "Running containers, and other network namespaces with a route to the metadata service. `null` if "
                "they could not be listed."
            ),
            "containers_unseen": (
                "Reasons why more containers may run than are listed, or why some could not be inspected. Empty if "
                "all were inspected."
            ),
            "sdks_unseen": "Reasons why programs may use more AWS SDKs than are listed. Empty if all were inspected.",
            "sdks_left_out": "Parts of the disk that were not searched for AWS SDKs, each with the reason.",
            "callers": "Calls to the metadata service that the watch saw. `null` if nobody watched.",
            "obstacles": (
                "Packet rules, routes, settings and proxies on the way to the metadata service. Those of the host "
                "come first."
            ),
            "software": "Installed software and libraries that the catalog knows.",
            "collectors": "Each part of the run that gathers facts, and how it went.",
            "rules": "Each rule that judges the facts, and its result.",
            "findings": "All findings. The gravest come first.",
            "verdict": "The verdict, its reasons, and the commands for the switch.",
            "image": "Set only if the run judged an image (`--image`).",
            "control_plane": (
                "Answers of the EC2 API about this instance. `null` unless the run was told to ask (`--control-plane`)."
            ),
            "users_software_unread": (
                "Packages in containers of unprivileged users that could not be read, a sentence each."
            ),
            "code": "Code that names the metadata service, and whether it asks for a token.",
            "read": "How much code of programs and schedules was searched. `null` if code was not read.",
            "rehearsals": "Rehearsals of the switch on this host, the newest first.",
            "acceptances": (
                "Risks that the configuration accepts. `null` in reports of versions that did not have them."
            ),
            "standing": (
                "Facts by which a later run tells whether the verdict still holds. `null` in reports of versions that "
                "did not record them."
            ),
            "switched": (
                "The time since IMDSv1 was turned off. `null` if no run ever saw that the instance requires tokens."
            ),
        },
    ),
    "ProbeInfo": Described(
        "The run",
        "The run that made this report: when it ran, what it was allowed to see, and what it cost.",
        {
            "version": "Version of imds-probe.",
            "run_id": "Random number of this run, in hexadecimal digits.",
            "started_at": "Time at which the run began.",
            "duration_ms": "Time that the run took.",
            "privileged": "Whether the run had the rights of root. Without them, much of the host is hidden.",
            "imdsv1_requests_made": (
                "Requests without a token that this run sent. CloudWatch counts them in `MetadataNoToken`."
            ),
            "imdsv2_requests_made": "Requests for a token or with a token that this run sent.",
            "cpu_ms": "CPU time of the process and its children. `null` if it was not counted.",
            "bytes_read": (
                "Bytes that the process and its children read from files and pipes. `null` if they were not counted."
            ),
            "disk_bytes_read": (
                "Bytes of these that came from disk, because the page cache did not have them. `null` if they were "
                "not counted."
            ),
            "peak_memory_bytes": "Largest memory of the processes that read files. `null` if it was not counted.",
        },
    ),
    "Platform": Described(
        "Platform",
        "Whether this host is an EC2 instance. The firmware or the hypervisor says so: no packet is sent to find out.",
        {
            "is_ec2": "Whether the host is an EC2 instance, or counts as one because the run was told so.",
            "method": "How that is known, in words.",
            "instance_id": "Instance id that the firmware of Nitro instances holds.",
        },
    ),
    "Instance": Described(
        "Instance",
        "Identity of this instance, as far as the metadata service or the host itself says it.",
        {
            "instance_id": "Id of the instance.",
            "region": "Region, such as `eu-central-1`.",
            "availability_zone": "Availability Zone.",
            "account_id": "AWS account, 12 digits.",
            "image_id": "AMI that the instance was launched from.",
            "instance_type": "Type, such as `m5.large`.",
            "auto_scaling_group": (
                "Auto Scaling group, by the instance's tags. `null` without a group, or if tags are not served."
            ),
            "owner": (
                "Service or tool that launched this instance and will launch the next one. `null` if the host has no "
                "sign of one."
            ),
            "launch_template": "Launch template of the instance. `null` if the host has no sign of one.",
        },
    ),
    "Owner": Described(
        "Owner of the instance",
        (
            "The service or tool that launched this instance and will launch the next one. Files, processes and "
            "metadata of the host show it. Nobody else was asked."
        ),
        {
            "kind": "Kind of service or tool.",
            "name": (
                "Name of the node group, node pool, instance group, environment, cluster, compute environment or Auto "
                "Scaling group."
            ),
            "evidence": "Observations that show the owner, one an entry.",
            "cluster": "Name of the EKS, kOps or EMR cluster that the group belongs to.",
            "environment_id": "Id of the Elastic Beanstalk environment, if the host does not say its name.",
        },
    ),
    "LaunchedFrom": Described(
        "Launch template of the instance",
        "The launch template that this instance was made from, as the host itself says.",
        {
            "launch_template_id": "Id of the launch template.",
            "version": "Version of the launch template.",
            "evidence": "Observation that shows it.",
        },
    ),
    "Host": Described(
        "Host",
        "The host on which the run looked.",
        {
            "hostname": "Name of the host.",
            "os": "Operating system of the host.",
            "kernel": "Release of the Linux kernel.",
            "starts_containers": "Agents of orchestrators and runners of jobs that are set up here and start containers.",
        },
    ),
    "OsRelease": Described(
        "Operating system",
        "The operating system, by its file os-release.",
        {
            "id": "`ID` in that file, such as `debian`.",
            "version_id": "`VERSION_ID` in that file, such as `12`.",
            "pretty_name": "`PRETTY_NAME` in that file: the name for people.",
            "id_like": "`ID_LIKE` in that file: systems from which this one is derived.",
        },
    ),
    "Imds": Described(
        "Metadata options",
        (
            "The settings of the metadata service on this instance. Values that could not be found out are told apart "
            "from values that are off."
        ),
        {
            "endpoint": (
                "State of the service at the first address that answers. `refuses-tokens` and `loses-tokens` mean: "
                "requests without a token are answered, requests for a token are refused or remain without an answer."
            ),
            "tokens": "`required` means that IMDSv1 is turned off, `optional` that it is on.",
            "tokens_method": (
                "How that is known. `v1-probe`: by one request without a token. `ec2-api`: by the EC2 API. "
                "`ec2-api-pending`: a change is not in force yet. `not-tried`: nobody asked. `not-answered`: the "
                "request had no clear answer."
            ),
            "hop_limit": "Hop limit of the instance: how many network hops the answer with the token can travel.",
            "hop_limit_method": (
                "How the hop limit is known. `capture`: from the TTL of a captured packet. `minttl`: by requests with "
                "the socket option `IP_MINTTL`. `ec2-api`: by the EC2 API."
            ),
            "ipv6": "State of the service's IPv6 address. `no-route` means that the host has no route there.",
            "instance_tags": "Whether the service serves the tags of the instance.",
            "answered_by": "Name in the `Server` header of the answer. The real service calls itself `EC2ws`.",
            "latency_ms": "Time from the start of the connection to the end of the answer.",
            "endpoints": "Each address of the service that was tried.",
        },
    ),
    "EndpointReply": Described(
        "Address of the service",
        "One address of the metadata service, and the result of the token request there.",
        {
            "family": "Version of the Internet Protocol.",
            "address": "Address that was asked.",
            "state": "State of the service at this address, as in [Metadata options](#metadata-options).",
            "token_outcome": "Result of the token request in one word: `ok`, the kind of failure, or `no-route`.",
            "detail": "The same with its cause, in words.",
            "answered_by": "Name in the `Server` header of the answer.",
            "latency_ms": "Time from the start of the connection to the end of the answer.",
            "hop_limit": "Hop limit that was measured at this address.",
            "hop_limit_method": "How it was measured, as in [Metadata options](#metadata-options).",
            "hop_limit_reason": "Reason why the hop limit is not known. Empty if it is known.",
        },
    ),
    "ReportedContainer": Described(
        "Container",
        (
            "One running container, or another network namespace with a route to the metadata service. The fields up "
            "to `calls_seen` answer most questions. The measurement at each address follows in `reach`. Names come "
            "from the container and its runtime, and may be chosen by an attacker."
        ),
        {
            "id": (
                "Id that the runtime gave the container. For another network namespace, the number of the namespace."
            ),
            "runtime": (
                "Runtime of the container, such as `docker`. Another network namespace has `netns` if it has a name, "
                "`unit` if it is a systemd unit's, and `process` otherwise."
            ),
            "name": "Name of the container.",
            "image": "Image of the container.",
            "pod": "Pod of the container.",
            "namespace": "Kubernetes namespace of the pod.",
            "netns": "Inode number of the network namespace.",
            "pid": "A process of the container.",
            "network": "`host` if the container shares the host's network, `own` if it has a network of its own.",
            "sandbox": "Whether the container only holds the network of a pod. Such a container calls nobody.",
            "distance": "Network hops between the instance and the container, at the first address that was tried.",
            "needs_hop_limit": "Lowest hop limit at which the token arrives in the container.",
            "token": (
                "Result of the token request from inside the container. `answered-by-proxy` means that another "
                "program answered in place of the service."
            ),
            "token_detail": "The same with its cause, in words.",
            "v1": "Always `not-tried`: imds-probe never sends a request without a token from a container.",
            "credentials": (
                "Source of the container's AWS credentials. `instance` is the role of the instance, `irsa` a "
                "Kubernetes web identity, `static` access keys, and `profile` a shared configuration file."
            ),
            "metadata_need": (
                "Whether the container needs the metadata service for anything. `observed` means that it was seen "
                "calling."
            ),
            "metadata_need_reason": "Reason for that, in words.",
            "sdks": "AWS SDKs that processes of the container use, with versions.",
            "calls_seen": "Calls to the metadata service that the watch saw from this container.",
            "reach": "Result of the token request at each address. Empty if nothing was measured.",
            "environment": (
                "For each process, the names of its variables that steer AWS SDKs. Values are never stored. `null` if "
                "no process could be inspected."
            ),
            "not_measured": "Reason why nothing was measured. Empty if `reach` has results.",
            "owner_uid": "User id of the unprivileged user who runs the container. `null` for root's containers.",
            "inside": "Id of the container in which this container runs.",
            "netns_owner_uid": (
                "User id of the unprivileged user who made the network namespace, and who can make anything answer in "
                "it. `null` if root made it."
            ),
            "sdk_settings": (
                "Variables and profiles that steer the AWS SDKs of its processes. Values are stored as classes only."
            ),
            "credentials_need": "Whether the container needs the service for credentials of the instance role.",
            "other_metadata_need": "Whether the container needs the service for other metadata, such as the Region.",
            "other_metadata_reason": "Reason for `other_metadata_need`, in words.",
            "age_s": "Seconds since its oldest process started. `null` if that is not known.",
            "own_stack": (
                "Reason why its programs may reach the service although imds-probe could not connect from its network namespace, "
                "such as a virtual machine. Empty otherwise."
            ),
        },
    ),
    "Reach": Described(
        "Token request from a container",
        "The result of the token request from one network namespace at one address of the service.",
        {
            "family": "Version of the Internet Protocol.",
            "token": (
                "Result of the token request. `lost` means that the connection was made and the answer did not arrive."
            ),
            "detail": "The same with its cause, in words.",
            "distance": (
                "Network hops between the instance and this namespace, from the TTL of the packet that accepts the "
                "connection."
            ),
            "needs_hop_limit": "Lowest hop limit at which the token arrives here.",
            "expected": "Result that follows from distance and hop limit. `null` if one of them is not known.",
            "status": "HTTP status of the answer. `null` without an answer.",
            "answered_by": "Name in the `Server` header of the answer.",
            "latency_ms": "Time from the start of the connection to the end of the answer.",
            "confirmed": (
                "Whether the host saw this connection reach the real service. `null` if no connection was made."
            ),
            "way": (
                "Network namespaces from here to the host, both included. Listed only if they explain a distance of 3 "
                "hops or more."
            ),
            "routers": (
                "Routers between here and the service, by links and routes, apart from the instance's own. `null` if "
                "the path could not be followed."
            ),
            "ttls_changed": "Whether something on the path rewrites TTLs. Then the distance is not known.",
            "taken_inside": (
                "Whether a program in the container's own network accepted the connection and sent no token."
            ),
            "token_is_the_services": (
                "Whether the service itself, asked from the host, knew the token that a proxy gave here. `null` if it was not "
                "asked, or did not say."
            ),
        },
    ),
    "Hop": Described(
        "Hop",
        "One network namespace that a request passes.",
        {
            "place": "Name of the namespace.",
            "incoming": "Interface by which the request comes in. Empty where the request begins.",
            "outgoing": "Interface by which the request leaves.",
        },
    ),
    "SdkSettings": Described(
        "SDK settings",
        "Settings that steer the AWS SDKs of one process, or of several processes with the same settings.",
        {
            "variables": "Variables of the environment, sorted by name.",
            "profile": (
                "Profile named by `AWS_PROFILE`, else by `AWS_DEFAULT_PROFILE`, else the default profile. `null` if "
                "no file was read."
            ),
            "by_default_variable": (
                "Profile named by `AWS_DEFAULT_PROFILE`, if both variables are set: some SDKs read this one first."
            ),
            "unnamed": "Default profile, if either variable is set: some SDKs read neither.",
        },
    ),
    "Variable": Described(
        "Variable",
        "One variable of the environment. Its value is stored as a class only.",
        {
            "name": "Name of the variable.",
            "value": (
                "Class of the value. `set` says only that there is one. `instance` is the address of the real "
                "service, `elsewhere` another address or a proxy, `other` a value that is neither true nor false."
            ),
        },
    ),
    "Profile": Described(
        "Profile",
        "Sources of credentials that a profile names in the two shared files of AWS SDKs.",
        {
            "credentials": "Source by the shared credentials file. `none` also if file or profile do not exist.",
            "config": "Source by the shared configuration file. `none` also if file or profile do not exist.",
            "region": "Whether the profile names a Region.",
        },
    ),
    "Callers": Described(
        "Callers",
        "Calls to the metadata service that the watch saw.",
        {
            "window_s": "Length of the period that the watch has to cover, up to the run.",
            "observed_s": "Seconds of it that were watched without a gap or a lost packet.",
            "coverage": "Their share of the period, from 0 to 1.",
            "needed_coverage": "Share from which on silence counts as proof that nobody calls.",
            "watched_until": "End of the last watched second. `null` if nothing was watched.",
            "dropped_packets": "Packets that the watch lost.",
            "imdsv1": "Requests without a token, apart from those of imds-probe.",
            "imdsv2": "Requests with a token and for a token, apart from those of imds-probe.",
            "imdsv1_by_probe": "Requests without a token that imds-probe made itself.",
            "by": "Calls by program, version and kind of metadata.",
            "losses": "Times within the period at which records of calls were lost, the oldest first.",
            "unconfirmed": (
                "Requests without a token that may never have reached the service. They belong to no caller and count "
                "as a gap."
            ),
            "senders": "Senders of most of the unconfirmed requests, each with a count.",
            "metric": "Comparison with CloudWatch's count. `null` if it was not made.",
            "boots": "Boots within the period, and the last boot that was watched completely. The oldest comes first.",
            "earlier": (
                "Callers by IMDSv1 before the period, if less than a whole period was watched since their calls."
            ),
            "silent_s": (
                "Seconds before the run without any IMDSv1 call that would lose something by the switch. It counts "
                "only while enough was watched, and may be longer than the period."
            ),
            "rare": "Callers by IMDSv1 before the period that are expected to call again, by how often they called.",
        },
    ),
    "CallerSeen": Described(
        "Caller",
        (
            "Calls of one program, by one version of IMDS, for one kind of metadata. Names and texts come from "
            "processes and may be chosen by an attacker. `…` stands for text that was left out because it may be "
            "secret."
        ),
        {
            "version": "Version of IMDS.",
            "program": (
                "Path of the program, or its name if the path is not known. `another host`, `virtual machine`, "
                "`unknown` and `others` stand for callers without a known process."
            ),
            "exe": "Path of the program as the process itself sees it.",
            "pid": "Process of the last call.",
            "comm": "Short name of that process.",
            "cmdline": "Command line of that process, without text that may be secret.",
            "unit": "Systemd unit. A user's own unit begins with `user` and the user id.",
            "container": "Name of the container. `null` for callers on the host.",
            "path": "Path of the last request.",
            "path_class": (
                "Kind of metadata: `token`, `credentials`, `user-data`, `identity`, `meta-data`, `dynamic` or "
                "`other`. `head` is a request that only tests for an answer, `other-cloud` one for a path of another "
                "cloud."
            ),
            "user_agent": "`User-Agent` of the last request, without text that may be secret.",
            "probe": "Whether imds-probe itself made the calls.",
            "count": "Number of calls.",
            "refused": "Number of these calls that the service refused with status 401.",
            "first_seen": "Time of the first call.",
            "last_seen": "Time of the last call.",
            "container_id": "Id of the container.",
            "uid": "User id on the host.",
            "on_host": "Whether the program is the host's own file at this path. `false` if that is not proven.",
            "script": "Script that the program runs, or the script that runs the program.",
            "started_by": "Name of the program that started the script or command, such as `cron`.",
            "origin": "Kind of caller: a process, or another sender for which no process of this host is known.",
            "token": (
                "Result of the client's last token request. `none`: it made none. `unseen`: it may have made one "
                "before it was watched. `answered` and `lost` say whether the answer reached the client. `lost-before`: it was "
                "lost so long before the call that the call may have another cause. The others name the answer. `null` for a "
                "call with a token."
            ),
            "token_ttl": (
                "TTL of the last answer to a token request when it came to this host. It is at most the hop limit."
            ),
            "distance": "Routers between the host's network and the client, from the TTL of the client's packets.",
            "interface": "Interface of the host that is nearest to the client.",
            "client": "Address of the client, if its process is not known.",
            "image": "Image of the container.",
            "netns": "Inode number of the client's network namespace. `null` for the host's.",
            "forwarded": "Whether a proxy said that it asked for somebody else.",
            "served": (
                "Number of calls that were answered with the metadata they asked for, or whose answer was not seen."
            ),
        },
    ),
    "HistoryLoss": Described(
        "Lost record",
        "A time at which the record of calls was lost, with all that it held.",
        {
            "at": "Time of the loss.",
            "why": "Cause, in words.",
        },
    ),
    "RareCaller": Described(
        "Rare caller",
        "A caller by IMDSv1 that calls less often than the period is long.",
        {
            "caller": "Its calls before the period.",
            "longest_gap_s": "Seconds of its longest silence between two calls. Where less than half of such a time was watched, "
            "only what was watched of it counts.",
            "silent_s": "Seconds that were watched since its last call.",
        },
    ),
    "MetricCompared": Described(
        "Comparison with CloudWatch",
        "A metric of CloudWatch beside the count of the watch, for the hours that were watched without a gap.",
        {
            "hours": "Number of hours compared.",
            "counted": "Calls that CloudWatch counted. Those of imds-probe are included.",
            "seen": "Calls that the watch saw. Those of imds-probe are included.",
            "since": "Start of the first hour compared.",
            "until": "End of the last hour compared.",
            "name": "Name of the metric: `MetadataNoToken`, or `MetadataNoTokenRejected` once tokens are required.",
        },
    ),
    "BootWatched": Described(
        "Watched boot",
        "One boot of this host, and how much of its first hour was watched.",
        {
            "boot_id": "Id that the kernel gave the boot.",
            "booted": "Time of the boot.",
            "age_s": "Seconds from the boot to the run.",
            "began_s": "Seconds from the first process to the start of the watch.",
            "from_start": "Whether the kernel's counters show that no connection was opened before the watch began.",
            "watched_s": "Seconds after the start of the watch that were watched without a gap.",
            "imdsv1": (
                "Requests without a token in that time, apart from those of imds-probe and of callers that also "
                "called on later days."
            ),
        },
    ),
    "PathObstacle": Described(
        "Obstacle",
        "A packet rule, route, setting or proxy on the way to the metadata service, as one network namespace has it.",
        {
            "namespace": "`host`, or the name of the container.",
            "kind": (
                "Effect on requests: `redirect`, `drop`, `reject`, `ttl-filter`, `ttl-change`, `route`, "
                "`local-address`, `setting` or `proxy`."
            ),
            "family": "`ipv4`, `ipv6` or `both`.",
            "where": "Place of the rule, route or setting, such as table and chain.",
            "quote": "Text of the rule, route or setting, shortened.",
            "target": (
                "Address to which a redirect leads. For `ttl-change`, the new TTL, or the number that is added to it."
            ),
            "certain": (
                "Whether it surely affects requests to the service. `false` if a part of it could not be judged."
            ),
            "scope": "Traffic to which alone it applies, such as `uid 1000`. `null` if it applies to all.",
            "applies_to": (
                "`output` for processes of this namespace, `forward` for those routed through it, `prerouting` for "
                "all that arrives, `any` if it is not bound to one of these."
            ),
            "pid": "Process of a proxy.",
            "image": "Image of the container that the proxy runs in.",
            "container_id": "Id of the container to which the namespace or the proxy belongs.",
            "spares_root": "Whether a rule applies only to other users than root. imds-probe itself does not meet such a rule.",
        },
    ),
    "ReportedSoftware": Described(
        "Software",
        "One installed package or library that the catalog knows, with the judgement on its version.",
        {
            "component": "Row of the catalog that the software belongs to.",
            "manager": (
                "Package manager or ecosystem: `dpkg`, `rpm`, `apk`, `snap`, `pypi`, `npm`, `maven`, `go` and others."
            ),
            "package": "Name of the package.",
            "version": "Version as the package manager prints it. `null` if no exact version is known.",
            "source": "Source of the version, such as `dpkg database`.",
            "requirement": "Judgement on the version.",
            "path": "Place of the library or program. `null` for packages of the system.",
            "container": "Name of the container in which it is installed. `null` for the host.",
            "pids": "Processes that use the library.",
            "also_in": "Names of other containers with exactly the same.",
            "os": "Operating system of the container. `null` for the host's own software.",
            "settings": "Settings on which its use of IMDSv2 depends, where they were looked up.",
            "available": "Newest version in the configured repositories. `null` if they were not asked.",
            "sdk": "Details of an SDK that no package manager of the system knows. `null` for other software.",
            "container_ids": "Ids of all containers in which it is installed.",
        },
    ),
    "Requirement": Described(
        "Judgement on a version",
        "Whether one installed version speaks IMDSv2.",
        {
            "minimum": "First version that speaks IMDSv2. `null` if none is known.",
            "status": "Result. `needs-setting` means that the version speaks IMDSv2 once a setting is made.",
            "why": "Reason, in words.",
            "source": "Source for the minimum version: a page, a commit or a package.",
            "setting": "Setting to make. `null` if none is needed.",
            "figure": "Number of the catalog that decided. If several did, the least certain one. `null` if none did.",
            "grade": (
                "How that number is known. `package` and `source`: read in packages or source code. `documented`: the "
                "vendor says so. `inferred`: it follows from other facts."
            ),
            "by": (
                "Kind of evidence that decided: the version held against the catalog, the software's own code, or its "
                "own changelog."
            ),
        },
    ),
    "RequiredSetting": Described(
        "Required setting",
        "A setting that has to be made before tokens are required.",
        {
            "place": "File, or the process whose environment or arguments have to change.",
            "key": "Name of the setting.",
            "value": "Value to set.",
        },
    ),
    "SettingSeen": Described(
        "Setting",
        "A setting that decides whether software speaks IMDSv2, as one place has it.",
        {
            "switch": "Name of the setting in the row of the catalog.",
            "place": "File, or the process whose environment or command line was read.",
            "key": "Name of the setting at this place.",
            "value": "Value at this place. `null` if it is not set or could not be read.",
            "problem": "Reason why it could not be read. Empty otherwise.",
        },
    ),
    "InRepository": Described(
        "Available version",
        "The version in the package repositories, by their metadata on disk.",
        {
            "version": "Newest version. `null` if the repositories have none.",
            "checked": "Program that was asked.",
        },
    ),
    "SdkUse": Described(
        "SDK in use",
        "Places and users of an SDK that no package manager of the system knows.",
        {
            "at_least": "Lowest version that it can be, if the exact one is not known.",
            "below": "Version that it is certainly older than, if the exact one is not known.",
            "paths": "First few places of the SDK.",
            "places": "Number of all places.",
            "users": "First few processes that use it.",
            "environment": (
                "Sets of variables that steer AWS SDKs, among the processes that use it. Only names are stored, each "
                "set once. `null` if no process could be inspected."
            ),
            "container_ids": "Ids of all containers that have it.",
            "oldest_s": "Seconds since the oldest of these processes started. `null` if that is not known of each.",
            "sdk_settings": "Variables and profiles that steer these processes. Values are stored as classes only.",
            "newest_s": (
                "Seconds since the oldest process started in the unit or container that was started last. `null` if that is "
                "not known."
            ),
        },
    ),
    "SdkUser": Described(
        "User of an SDK",
        "A process that has loaded an SDK or would find it where it looks for libraries.",
        {
            "pid": "The process.",
            "comm": "Short name of the process.",
            "unit": "Systemd unit of the process. `null` in a container.",
            "owner_uid": (
                "User id of the unprivileged user who runs the process. `null` for root, services and containers."
            ),
        },
    ),
    "CollectorRun": Described(
        "Collector",
        "One part of the run that gathers facts, and how it went.",
        {
            "id": "Name of the collector.",
            "status": (
                "`ok`: it saw everything. `nothing`: it looked and there was nothing. `partial`: some could not be "
                "read. `failed`: it could not look. `skipped`: the run's time limit came first."
            ),
            "duration_ms": "Time that it took.",
            "reason": "Reason for the status, in words.",
            "means": "Facts that stay unknown because of it. Empty if it saw everything.",
            "bug": "Whether an unexpected error stopped it: please report it.",
        },
    ),
    "RuleRun": Described(
        "Rule",
        "One rule, and its result.",
        {
            "id": "Name of the rule.",
            "status": (
                "Gravest finding of the rule: `fail` with a blocker, `warn` with a warning, `ok` without either. "
                "`skip`: there was nothing to judge. `error`: an unexpected error stopped it."
            ),
            "duration_ms": "Time that it took.",
            "reason": "Reason for `skip` or `error`, in words.",
            "deselected": "Whether `--only` or `--skip` left it out.",
        },
    ),
    "ReportedFinding": Described(
        "Finding",
        "One observation that matters for the switch, about one subject.",
        {
            "id": "Id of the kind of finding. It never changes its meaning. `imds-probe explain` takes it.",
            "rule": "Rule that found it.",
            "severity": "Weight of the finding.",
            "subject": "Package, unit, container or part of the host that the finding is about.",
            "summary": "The finding in one clause.",
            "help": "Command that explains it.",
            "evidence": "Observations behind it, one an entry.",
            "fix": "Remedy. `null` if there is nothing to do.",
            "implies": (
                "Best verdict that is possible while the finding stands. `null` if the verdict does not depend on it."
            ),
            "forgeable_by": (
                "Users and containers that could have forged the evidence. Empty if root stands behind a part of it."
            ),
            "settled_by": "Actions that would settle a finding which makes the verdict `unknown`.",
            "accepted": "Acceptance of the risk by the configuration. `null` if nobody accepted it.",
        },
    ),
    "Fix": Described(
        "Remedy",
        "The remedy for a finding on this host.",
        {
            "text": "The remedy, in a sentence.",
            "commands": "Commands to paste.",
        },
    ),
    "Accepted": Described(
        "Acceptance of a finding",
        "The entry of the configuration that accepts the risk of this finding.",
        {
            "reason": "Reason that the entry gives.",
            "owner": "Person or team that the entry names.",
            "expires": "Last day in UTC on which the entry counts.",
            "severity": "Severity of the finding without the acceptance.",
            "implies": "Best possible verdict without the acceptance.",
        },
    ),
    "Verdict": Described(
        "Verdict",
        "The answer: may IMDSv1 be turned off on this host, or may this image require tokens?",
        {
            "state": "The verdict.",
            "confidence": "Weight of the evidence.",
            "evidence": (
                "Kinds of evidence behind the verdict, the weakest first: `capability` (versions), `code`, "
                "`reachability` (tests from containers), `behaviour` (the watch), `experiment` (a rehearsal)."
            ),
            "reasons": "Findings that decided, each with its id in square brackets. For `ready`, a sentence.",
            "switch": "Changes for the switch. `null` where there is nothing to switch.",
            "rollback": "Way back. `null` where there is nothing to switch.",
            "price": "Loss of security by a higher hop limit, in words. `null` if the hop limit stays.",
            "forgeable": "Evidence that decided and that a user or container could have forged, in words.",
            "image": "Change for an image. `null` unless an image was judged.",
            "ways": "Network paths that need a hop limit above 3, hop by hop.",
            "accepted": (
                "Findings that the verdict leaves out because their risk is accepted. The first to expire comes first."
            ),
            "instead": "Changes that make a higher hop limit unnecessary, in sentences.",
            "switched": "Results since the switch, if tokens are required already.",
            "valid_until": "Time until which the verdict counts. `null` for an image.",
            "digest": "Digest of the facts behind the verdict, for `run --confirm`. `null` for an image.",
        },
    ),
    "Switch": Described(
        "Switch",
        "The changes that turn IMDSv1 off on this instance and on the next ones.",
        {
            "http_tokens": "Value for `HttpTokens`.",
            "http_put_response_hop_limit": "Value for the hop limit. `null` if it stays as it is.",
            "aws_cli": "Command for the instance. Empty if the owner of the instance has to make the change.",
            "terraform": "Block for Terraform.",
            "cloudformation": "Block for CloudFormation.",
            "launch_template": (
                "Command that makes a version of the launch template which requires tokens. `null` if there is none "
                "to change here."
            ),
            "template_waits_for": (
                "Conditions for the change of the launch template and of the code for Terraform and CloudFormation."
            ),
            "steps": "The whole switch, in its order.",
            "no_rollback": "Reason why tokens cannot be made optional again. Empty if they can.",
            "try_first": (
                "Command that raises the hop limit alone, if nobody has measured whether the token then arrives. "
                "`aws_cli` waits for a run that shows it. Empty otherwise."
            ),
        },
    ),
    "Step": Described(
        "Step",
        "One step of the switch.",
        {
            "what": "The step, in a sentence.",
            "commands": "Commands that make it, each for a shell, in their order.",
            "rollback": "Commands that undo it, in their order.",
            "settings": "Text for the code or configuration of a tool that makes what is changed.",
            "notes": "Remarks, in sentences.",
            "waits_for": "Conditions that must hold before the step.",
            "no_rollback": (
                "Reason why no command undoes the step, and who can. Empty if a command does or nothing is to be "
                "undone."
            ),
        },
    ),
    "Setting": Described(
        "Setting of a tool",
        "Text for the code or configuration of a tool.",
        {
            "tool": "Name of the tool, such as `Terraform`.",
            "text": "Text to write there.",
        },
    ),
    "Rollback": Described(
        "Rollback",
        "The way back to the options before the switch.",
        {
            "aws_cli": "Command for the instance.",
        },
    ),
    "ImageSwitch": Described(
        "Switch of an image",
        "The change that makes instances of an image require tokens. It cannot be undone.",
        {
            "imds_support": "Value for `ImdsSupport`.",
            "aws_cli": "Command for the image.",
        },
    ),
    "AcceptedRisk": Described(
        "Accepted risk",
        "A finding that the verdict leaves out because the configuration accepts its risk.",
        {
            "id": "Id of the kind of finding.",
            "subject": "Subject of the finding.",
            "summary": "The finding in one clause.",
            "implies": (
                "Verdict without the acceptance: `not-ready` if the switch breaks something, `unknown` if it may."
            ),
            "reason": "Reason that the entry gives.",
            "owner": "Person or team that the entry names.",
            "expires": "Last day in UTC on which the entry counts.",
        },
    ),
    "SinceSwitch": Described(
        "Since the switch",
        "The results since IMDSv1 was turned off.",
        {
            "state": (
                "`refused`: a caller was refused and did not recover. `refused-unseen`: CloudWatch counted refused "
                "calls that the watch did not see, or there were too many callers to list. `not-watched`: nobody "
                "watched. `clean-so-far`: no caller lost anything, but credentials from before the switch may still "
                "be valid. `clean`: no caller lost anything."
            ),
            "since": "Time at which a run first saw that IMDSv1 is off.",
            "hours": "Hours since then.",
            "clean_hours": (
                "Watched hours since a caller was last refused for good. Callers whose risk is accepted do not count. "
                "`null` if nobody watched."
            ),
            "watched_hours": "Watched hours since the switch. `null` if nobody watched.",
            "summary": "The result in one clause.",
            "optional_last": "Time at which a run last saw that IMDSv1 was on.",
            "refused_callers": (
                "Callers that were refused and did not recover, apart from accepted ones. `null` if nobody watched."
            ),
            "recovered_callers": "Callers that were refused and then asked with a token.",
            "accepted_callers": "Callers that were refused for good and whose risk the configuration accepts.",
            "refused_requests": "Refused requests of all callers.",
            "rejected_unseen": (
                "Refused calls that CloudWatch counted and the watch did not see. `null` if CloudWatch was not asked."
            ),
        },
    ),
    "Image": Described(
        "Judged image",
        "Set if a mounted root was judged as an image. Nothing runs there, and no service was asked.",
        {
            "used": "Whether an instance has run from these files: data of cloud-init about it is there.",
        },
    ),
    "ControlPlane": Described(
        "EC2 API",
        "Answers of the EC2 API about this instance and about what launches the next one.",
        {
            "asked_at": "Time of the answers. They may be from an earlier run, apart from those about the instance.",
            "instance": "Options of the instance. `null` if the API did not say.",
            "pending": "Whether a change of these options is not in force yet.",
            "managed_by": "AWS service that manages the instance.",
            "account": "Defaults of the account in this Region.",
            "launched_from": "Launch template of the instance.",
            "configuration": "Launch configuration of the instance.",
            "group": "Auto Scaling group of the instance.",
            "image_imds_support": "`ImdsSupport` of the AMI. Empty if the AMI has none, `null` if that is not known.",
            "not_answered": "Calls without an answer. Their facts are not known.",
        },
    ),
    "MetadataOptions": Described(
        "Options by the EC2 API",
        (
            "Metadata options as the EC2 API names them. `null` means that this place does not set the option: the "
            "next place in AWS's order of precedence decides."
        ),
        {
            "http_tokens": "`HttpTokens`: whether tokens are required.",
            "http_put_response_hop_limit": "`HttpPutResponseHopLimit`: the hop limit.",
            "http_endpoint": "`HttpEndpoint`: whether the service is on.",
            "http_protocol_ipv6": "`HttpProtocolIpv6`: whether the service has an IPv6 address.",
            "instance_metadata_tags": "`InstanceMetadataTags`: whether the service serves tags.",
        },
    ),
    "AccountDefaults": Described(
        "Defaults of the account",
        "Metadata options of new instances of the account in this Region.",
        {
            "options": "The options.",
            "http_tokens_enforced": "Whether the account forbids that tokens become optional, at launch and later.",
            "managed_by": (
                "`account` if the account can change the defaults, `declarative-policy` if a policy of the "
                "organisation sets them."
            ),
            "exception_message": "Text of the organisation for those who try to change them.",
        },
    ),
    "Template": Described(
        "Launch template",
        "A launch template, as an instance or a group names it.",
        {
            "launch_template_id": "Id of the launch template.",
            "launch_template_name": "Name of the launch template.",
            "version_named": "Version as it is named: a number, `$Default` or `$Latest`.",
            "version": "Number of that version now. `null` if it could not be read.",
            "is_default": "Whether that is the default version.",
            "image_id": "AMI in that version.",
            "options": "Metadata options in that version. `null` if it could not be read.",
        },
    ),
    "LaunchConfiguration": Described(
        "Launch configuration",
        "A launch configuration. It cannot be changed, only replaced.",
        {
            "name": "Name of the launch configuration.",
            "image_id": "AMI in it.",
            "options": "Metadata options in it. `null` if it could not be read.",
        },
    ),
    "AutoScalingGroup": Described(
        "Auto Scaling group",
        "The group of this instance, and what it launches the next instance from.",
        {
            "name": "Name of the group.",
            "template": "Launch template of the group.",
            "configuration": "Launch configuration of the group, if it has no template.",
            "overrides": "Overrides with launch templates of their own.",
            "mixed": "Whether the launch template belongs to a mixed instances policy.",
        },
    ),
    "GroupOverride": Described(
        "Override",
        "An override of a mixed instances policy with a launch template of its own.",
        {
            "instance_type": "Instance type for which it holds.",
            "template": "Launch template for it.",
        },
    ),
    "NotAnswered": Described(
        "Call without an answer",
        "A call of the API that had no answer.",
        {
            "action": "The call, such as `ec2:DescribeImages`.",
            "reason": "Reason, in one clause.",
        },
    ),
    "CodeSeen": Described(
        "Code",
        "A script, a program or a package of code that names the metadata service.",
        {
            "path": "File in which the words stand, as its own system sees it.",
            "line": "Line of the first match. `null` in a file without lines.",
            "quote": "Words that matched. Text around them is never stored.",
            "speaks": (
                "`v1`: asks without a token. `v2`: asks with a token. `both`: has both, and reading cannot tell which "
                "one is used. `mentions`: names the service and does not ask it."
            ),
            "form": "Kind of code, such as `shell`, `python`, `jar` or `elf`.",
            "runs": (
                "`running`: a process has loaded it. `scheduled` and `boot`: something starts it later. `once`: it "
                "ran at the first boot only. `lies`: nothing starts it."
            ),
            "started_by": (
                "Schedule, unit or program that starts it, and how often, such as `/etc/cron.d/backup, daily`. With `lies`: the "
                "file of settings that names it."
            ),
            "package": "Package that owns the file, with its version.",
            "component": "Row of the catalog for that package. `null` if the catalog does not know it.",
            "on_host": "Whether the file is on the host itself.",
            "container_ids": "Ids of the containers that have the file.",
            "pids": "Processes that run it.",
            "owner_uid": "User id of the unprivileged user who can change the file. `null` if only root can.",
            "runner_uid": (
                "User id of the unprivileged user who alone runs it. `null` if root or a service runs it, or "
                "something starts it."
            ),
            "oldest_s": (
                "Seconds since the oldest of these processes started. If only the start of a container starts the code, seconds "
                "since the oldest of these containers started."
            ),
            "every_s": (
                "Longest time between two starts by a schedule. `null` without a schedule, and for a schedule that "
                "waits for events such as a login."
            ),
            "standing_s": "Seconds for which file and schedules have not changed.",
            "manager": "Package manager of the package, if the catalog knows the package.",
            "version": "Version of the package, if the catalog knows the package.",
            "inside": (
                "Other root that the starter enters: a directory of the host, or `image` and the name of an image."
            ),
            "starter_uid": "User id of the unprivileged user whose schedules alone start it. `null` otherwise, and if it runs.",
            "newest_s": (
                "Seconds since the oldest process started in the unit or container that was started last. `null` if that is "
                "not known."
            ),
            "own_network": (
                "Whether the starter puts it into a container that is not running yet, with a network of its own: not the "
                "host's. A program in another network namespace counts too."
            ),
            "in_arguments": (
                "Whether the words stand in the arguments of a process, as with `sh -c`. `path` is the interpreter then."
            ),
            "kept_off": (
                "Whether all that starts it keeps it from the metadata service, as a unit with `PrivateNetwork=yes` does. `false` "
                "if it runs."
            ),
            "uid": (
                "User id of the unprivileged user as whom alone it runs on the host, if only a boot starts it, and as this user. "
                "`null` otherwise."
            ),
        },
    ),
    "CodeRead": Described(
        "Code that was read",
        "How much code stands behind the verdict.",
        {
            "programs": "Programs that run. Each counts once for the host and once for each container.",
            "programs_read": "Programs of these of which all loaded code was searched.",
            "scheduled": "Programs that schedules start. `null` if schedules were not read.",
            "scheduled_read": "Programs of these of which all code was searched.",
            "bytes_searched": "Bytes that were searched.",
            "not_read": "Programs of which some code was not searched.",
            "packages": "Packages whose own files were searched because their version does not decide.",
            "programs_unseen": "Reasons why more programs may run than are counted. Empty if all were listed.",
        },
    ),
    "NotRead": Described(
        "Code that was not read",
        "A program that runs or is started, and of which some code was not searched.",
        {
            "program": "Path of the program.",
            "why": "Reason, in one clause.",
            "started_by": "Schedule, unit or program that starts it, and how often.",
            "on_host": "Whether the program is on the host itself.",
            "container_ids": "Ids of the containers that have it.",
            "pids": "Processes that run it.",
            "component": "Row of the catalog for the program. `null` if the catalog does not know it.",
            "owner_uid": "User id of the unprivileged user who runs it. `null` if root or a service runs it.",
            "oldest_s": (
                "Seconds since the oldest of these processes started. If only the start of a container starts the code, seconds "
                "since the oldest of these containers started."
            ),
            "runs": "When it runs, as in [Code](#code). `null` if `pids` tell.",
            "every_s": "Longest time between two starts by a schedule.",
            "standing_s": "Seconds for which program and schedules have not changed.",
            "inside": "Other root that the starter enters, as in [Code](#code).",
            "starter_uid": "User id of the unprivileged user whose schedules alone start it. `null` otherwise, and if it runs.",
            "newest_s": (
                "Seconds since the oldest process started in the unit or container that was started last. `null` if that is "
                "not known."
            ),
            "own_network": "Whether the starter puts it into such a container or network namespace, as in [Code](#code).",
            "kept_off": "Whether all that starts it keeps it from the metadata service, as in [Code](#code).",
        },
    ),
    "PackageRead": Described(
        "Package that was read",
        "An installed package whose files were searched because its version does not decide.",
        {
            "component": "Row of the catalog.",
            "package": "Package with its version, such as `cloud-init 19.3-46.amzn2 (rpm)`.",
            "files": "Number of files that were searched.",
            "why": "Reason why not all files were searched. Empty if all were.",
            "changelog": "Entry of the package's changelog that adds support for IMDSv2. `null` without one.",
            "on_host": "Whether the package is on the host itself.",
            "container_ids": "Ids of the containers that have it.",
            "started": "Whether one of its files runs, or something that was read starts one. `null` where that is not known.",
        },
    ),
    "InChangelog": Described(
        "Entry of a changelog",
        "An entry of a package's own changelog that says that support for IMDSv2 was added.",
        {
            "place": "Changelog in which it stands.",
            "version": "Version of the entry. Empty if the entry names none.",
            "words": "Words that show it. Text around them is never stored.",
        },
    ),
    "Rehearsal": Described(
        "Rehearsal",
        "One rehearsal of the switch.",
        {
            "kind": "Kind of target.",
            "target": "The command, unit or container. For the host, its name.",
            "began": "Start of the rehearsal.",
            "age_s": "Seconds from its start to the run.",
            "lasted_s": "Seconds that it lasted.",
            "hop_limit": "Hop limit that was rehearsed.",
            "callers": "Callers in the rehearsal, and the result for each.",
            "lapsed_s": "Seconds of it in which the rehearsal had no effect.",
            "restarted": "Whether the unit was restarted in it.",
            "ended_by": "Reason why it ended early. Empty if it did not.",
            "unidentified": "Refused requests of processes that could not be identified.",
        },
    ),
    "RehearsedCaller": Described(
        "Caller in a rehearsal",
        "One caller, possibly of several processes. Then the worst result counts.",
        {
            "program": "Path or name of the program, as in [Caller](#caller).",
            "outcome": (
                "`token`: it asked for a token first. `recovered`: it was refused and then asked with a token. "
                "`gave-up`: it was refused and did not. `other`: none of its requests was served or refused. "
                "`silent`: it is known to call and did not."
            ),
            "comm": "Short name of the process.",
            "script": "Script, as in [Caller](#caller).",
            "unit": "Systemd unit, as in [Caller](#caller).",
            "container": "Name of the container. `null` on the host.",
            "container_id": "Id of the container.",
            "uid": "User id on the host.",
            "on_host": "Whether the program is the host's own file, as in [Caller](#caller).",
            "refused": "Requests without a token that were refused.",
            "tokens": "Token requests that were answered.",
            "served": "Requests with a token that were answered.",
            "known_by": "Evidence for a caller that did not call. Empty if it called.",
            "pids": "Processes that run the rehearsed program now.",
            "stale": "Change since the rehearsal because of which the result no longer counts. Empty if it counts.",
        },
    ),
    "Acceptances": Described(
        "Acceptances",
        "Risks that the configuration accepts, in `[[accept]]`.",
        {
            "day": "Day of the run in UTC.",
            "entries": "Entries that are valid.",
            "unusable": "Entries that accept nothing because of a mistake in them.",
        },
    ),
    "Acceptance": Described(
        "Acceptance",
        "One entry.",
        {
            "finding": "Id of the kind of finding.",
            "subject": "Subject that the finding must have, or `*` for all.",
            "reason": "Reason that the entry gives.",
            "owner": "Person or team that the entry names.",
            "expires": "Last day in UTC on which the entry counts.",
            "origin": "File and line of the entry.",
        },
    ),
    "UnusableAcceptance": Described(
        "Unusable entry",
        "An entry with a mistake. It accepts nothing.",
        {
            "origin": "File and line of the entry.",
            "key": "Key with the mistake. Empty if the mistake is in the whole entry or file.",
            "trouble": "The mistake, in one clause.",
            "remedy": "Remedy, in a sentence.",
        },
    ),
    "Standing": Described(
        "Validity",
        "Facts by which `run --confirm` tells whether the verdict still holds.",
        {
            "boot_id": "Id that the kernel gave the boot.",
            "schedules": "Schedules of the host. `null` if they could not be read.",
            "valid_s": "Seconds for which a verdict counts if the watch covered its whole period.",
            "valid_unwatched_s": "Seconds for which a verdict counts otherwise.",
            "history": "Whether the daemon's record of callers existed.",
        },
    ),
    "SchedulesSeen": Described(
        "Schedules",
        "All schedules of one kind.",
        {
            "what": "Kind of schedule, such as `crontabs`.",
            "count": "Number of schedules.",
            "digest": "Digest of their commands, times and users, and of the programs and scripts that they name.",
        },
    ),
    "Switched": Described(
        "Time of the switch",
        "The time since IMDSv1 was turned off on this instance.",
        {
            "since": "Time at which a run first saw that IMDSv1 is off. `null` if it is on again.",
            "age_s": "Seconds since then, by a clock that cannot be set.",
            "optional_last": "Time at which a run last saw that IMDSv1 was on. `null` if no run saw it.",
            "kept": "Whether this is on record for later runs.",
            "watched": "Callers that were refused since. `null` if nobody watched.",
            "metric": "Comparison with CloudWatch's count of refused calls. `null` if it was not made.",
            "earlier": "Earlier periods in which IMDSv1 was off, the oldest first.",
        },
    ),
    "WatchedSince": Described(
        "Watch since the switch",
        "Calls that were refused since the switch, as far as somebody watched.",
        {
            "watched_s": "Seconds that were watched without a gap.",
            "refused": "Callers that were refused, 200 at most. Requests that lose nothing by it are left out.",
            "left_out": "Number of further callers.",
        },
    ),
    "Refused": Described(
        "Refused caller",
        "Requests of one caller for one kind of metadata that had no token and were refused after the switch.",
        {
            "caller": "The caller, with counts since the switch alone.",
            "recovered": "Refused requests after which the same process was answered at the same path with a token.",
            "failed_last": (
                "Time of the last refused request without such recovery. If only its hour is known, the end of that "
                "hour. `null` if all recovered."
            ),
            "failed_ago_s": "Seconds since then.",
            "may_recover": "Whether the caller was refused only a moment ago and may still ask with a token.",
            "with_token_last": (
                "Time at which the caller was last answered with a token, if it was answered at each path at which it "
                "had failed."
            ),
            "successor_last": "The same of a caller with the same name, script, and image or unit.",
            "longest_gap_s": "Longest time between two refusals at a path that failed.",
            "had_nothing": (
                "Whether the service answered these paths with 404 before the switch, so that nothing is lost."
            ),
        },
    ),
    "SwitchedBefore": Described(
        "Earlier switch",
        "An earlier period in which IMDSv1 was off, as far as runs saw it.",
        {
            "since": "Time at which a run first saw that IMDSv1 was off.",
            "until": "Time at which a run last saw it.",
        },
    ),
}
