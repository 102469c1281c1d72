"""Unpacking an archive of code: whole, or not at all."""

import os
import stat
import tarfile


class HostileArchive(ValueError):
    """An archive that would write outside its directory, or holds what no code archive holds."""


def open_tar(path):
    """A tar archive of any compression that Python knows."""
    return tarfile.open(path, mode="r:*")


def is_inside(path, root):
    return path == root or path.startswith(root + os.sep)


def refuse_hostile(member, root):
    """Raises when a member may not be unpacked below `root`."""

    def refuse(reason):
        raise HostileArchive(
            "archive member `{}` {}: nothing of it was unpacked\nhint: pack the code again, with relative names, from inside its "
            "directory: tar czf sourcedir.tar.gz -C DIR .".format(member.name, reason)
        )

    name = member.name
    if os.path.isabs(name) or ".." in name.split("/"):
        refuse("leads out of the directory")
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        refuse("is neither a file, a directory nor a link")
    if member.mode is not None and member.mode & (stat.S_ISUID | stat.S_ISGID):
        refuse("is setuid or setgid")
    if member.issym() or member.islnk():
        base = root if member.islnk() else os.path.dirname(os.path.join(root, name))
        if os.path.isabs(member.linkname) or not is_inside(os.path.normpath(os.path.join(base, member.linkname)), root):
            refuse("is a link to `{}`, outside the directory".format(member.linkname))


def through_links(name, links):
    """Whether one of the folders above `name` is a link of this archive."""
    parts = os.path.normpath(name).split("/")
    return any("/".join(parts[:length]) in links for length in range(1, len(parts)))


def extract_tar(path, directory):
    """Unpacks a tar archive below a directory. Ownership and write access for others are not taken over."""
    root = os.path.realpath(directory)
    with open_tar(path) as archive:
        members = archive.getmembers()
        links: set[str] = set()
        for member in members:
            refuse_hostile(member, root)
            if through_links(member.name, links):
                raise HostileArchive("archive member `{}` goes through a link: nothing of it was unpacked".format(member.name))
            if member.issym():
                links.add(os.path.normpath(member.name))
        for member in members:
            member.mode = (member.mode or 0) & ~0o022 | (0o700 if member.isdir() else 0o600)
            member.uid, member.gid = os.getuid(), os.getgid()
            member.uname = member.gname = ""
        if hasattr(tarfile, "fully_trusted_filter"):
            # Everything was looked at above; the newer default would change modes once more.
            archive.extractall(root, members=members, filter="fully_trusted")
        else:
            archive.extractall(root, members=members)
