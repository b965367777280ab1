"""What accounts refuses.

AccountsError
├── EmailTaken
├── EmailNotVerified
├── RoleNotAllowed
├── OrganizationNotFound
│   └── OrganizationAmbiguous
├── MemberNotFound
├── LastOwner
├── InviteNotFound
├── InviteNotOpen
├── InviteTooSoon
├── InvitesTooMany
├── OrganizationsTooMany
├── ApiKeyNotFound
├── ApiKeyRevoked
├── ApiKeyRotated
├── ApiKeySecretless
├── ApiKeysTooMany
├── ManagementKeyNotFound
└── ManagementKeysTooMany
"""


class AccountsError(Exception):
    """Base of all; the message is one line for a person."""


class EmailTaken(AccountsError):
    """Another user has this e-mail address."""


class EmailNotVerified(AccountsError):
    """The user has yet to prove that the e-mail address is theirs."""


class RoleNotAllowed(AccountsError):
    """The member's role does not allow this."""


class OrganizationNotFound(AccountsError):
    """No such organisation, or a deactivated one."""


class OrganizationAmbiguous(OrganizationNotFound):
    """Several organisations have this name: use the slug."""


class MemberNotFound(AccountsError):
    """No such member in this organisation."""


class ApiKeyNotFound(AccountsError):
    """No such API key in this organisation."""


class ApiKeyRevoked(AccountsError):
    """The API key is revoked, which is final."""


class ApiKeyRotated(AccountsError):
    """Somebody else has just replaced the secret."""


class ApiKeySecretless(AccountsError):
    """The API key has no secret that anybody could know."""


class ApiKeysTooMany(AccountsError):
    """The organisation has as many active API keys as it may."""


class ManagementKeyNotFound(AccountsError):
    """No such management key in this organisation."""


class ManagementKeysTooMany(AccountsError):
    """The organisation has as many management keys that work as it may."""


class LastOwner(AccountsError):
    """The organisation would be left without an owner."""


class InviteNotFound(AccountsError):
    """No such invite, or one for somebody else."""


class InviteNotOpen(AccountsError):
    """The invite was accepted or revoked, or has expired."""


class InviteTooSoon(AccountsError):
    """The invite was sent a moment ago."""


class InvitesTooMany(AccountsError):
    """The organisation has sent as many invites today as it may."""


class OrganizationsTooMany(AccountsError):
    """The user owns as many organisations as they may."""
