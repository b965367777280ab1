"""What accounts refuses.

AccountsError
├── EmailTaken
├── EmailNotVerified
├── RoleNotAllowed
├── OrganizationNotFound
│   └── OrganizationAmbiguous
├── MemberNotFound
├── ApiKeyNotFound
└── ApiKeysTooMany
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


class ApiKeysTooMany(AccountsError):
    """The organisation has as many active API keys as it may."""
